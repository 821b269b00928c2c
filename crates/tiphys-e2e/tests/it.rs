//! Tests of the whole against a real control plane.
#![allow(missing_docs)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "in tests, also in their helpers, a panic is the report"
)]

mod it {
    mod install;
    mod manifests;
    mod parameters;
    mod rights;
}
