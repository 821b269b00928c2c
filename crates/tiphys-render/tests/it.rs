//! Real commits, the real kustomize and the real helm.

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
