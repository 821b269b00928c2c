//! Tests of the test kit on the real programs.

#[path = "it/control_plane.rs"]
mod control_plane;
#[path = "it/git_servers.rs"]
mod git_servers;
