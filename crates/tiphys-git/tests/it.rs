//! Real repositories, over the file system, HTTP and SSH.

// What tests share may fail a test as the tests themselves may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod it {
    mod export;
    mod http;
    mod local;
    mod ssh;
    mod support;
    mod tree;
}
