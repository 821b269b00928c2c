//! Serves rendered manifests for a repository, revision and source.
