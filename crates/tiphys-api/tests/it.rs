//! What the crate promises to others: the definitions in `crds/`, and the JSON of the objects.
#![allow(missing_docs)]

mod it {
    mod crds;
}
