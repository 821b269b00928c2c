//! Git repositories: fetch, resolve, credentials, and reading trees without a checkout.
//!
//! Ask [`Repositories`] for the commit that a revision means, then for the [`Commit`] itself, open it and read its
//! files as a [`Snapshot`]. Remote repositories are copied into a cache folder, repositories of this machine are
//! read in place. What the files mean is left to others.

mod access;
mod constraint;
mod error;
mod export;
mod files;
mod http;
mod known_hosts;
mod local;
mod mirror;
mod packet;
mod refs;
mod repositories;
mod ssh;
mod tree;
mod url;

pub use access::{Access, AccessKey, Credentials, Trust};
pub use constraint::{Constraint, version};
pub use error::GitError;
pub use export::{Export, ExportError, Exports};
pub use files::{FoundFile, Walking};
pub use git2::Oid;
pub use known_hosts::HostKeyError;
pub use refs::{Found, Refs, ResolveError, full_commit};
pub use repositories::{Freshness, Metadata, NoObserver, Observer, Options, Repositories, Request, Resolved};
pub use tree::{Commit, Entry, Kind, Snapshot, Target, TreeError, join};
pub use url::{RemoteUrl, SshAddress, Transport, UrlError};
