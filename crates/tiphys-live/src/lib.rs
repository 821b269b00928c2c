//! The observed objects of one cluster: apply, delete, reset; owners, children and the tracked-by index.
