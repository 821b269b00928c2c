//! A Kubernetes control plane, Git servers and fixtures for tests and for the demo.
