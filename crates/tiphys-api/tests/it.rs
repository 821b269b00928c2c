//! What the crate promises to others: the definitions in `crds/`, and the JSON of the objects.
#![allow(missing_docs)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests fail by panic and say what they skip"
)]

mod it {
    mod crds;
    mod objects;
    mod wire;
}
