//! The service as its clients see it: over the network, with certificates, against real repositories and tools.

// What tests share may fail a test as the tests themselves may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod it {
    mod answers;
    mod faults;
    mod killed;
    mod repositories;
    mod support;
}
