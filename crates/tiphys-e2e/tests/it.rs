//! Tests of the whole against a real control plane.
#![allow(missing_docs)]

mod it {
    mod install;
    mod manifests;
}
