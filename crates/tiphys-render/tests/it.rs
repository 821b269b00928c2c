//! Real commits, the real kustomize and the real helm.

// What tests share may fail a test as the tests themselves may.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod it {
    mod detection;
    mod directory;
    mod helm;
    mod hostile;
    mod keys;
    mod kustomize;
    mod support;
    mod wild;
}
