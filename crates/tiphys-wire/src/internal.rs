//! The protocol between the services of one installation, generated from `proto/tiphys/internal/v1`.
//! It knows message shapes only; who listens, with which certificates, is in the modules beside it.

#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::unwrap_used)]

tonic::include_proto!("tiphys.internal.v1");
