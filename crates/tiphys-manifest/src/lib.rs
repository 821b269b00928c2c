//! The untyped Kubernetes object: identity, YAML and JSON streams, tracking, masking.
