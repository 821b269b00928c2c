//! Kubernetes clusters: watches into the live index, discovery, OpenAPI, apply and delete.
