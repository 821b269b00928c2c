//! A source tree becomes manifests: directory, Kustomize and Helm, with tools under limits.
