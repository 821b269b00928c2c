//! Where the tests of the whole find the checkout. The tests themselves are in `tests/`.

use std::path::{Path, PathBuf};

/// The root of the checkout.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
