//! The API for users: one definition and one handler per method, on three wires.
//!
//! The `.proto` files under `proto/api` describe every message and route. [`Schema`] reads their descriptors once;
//! from it a [`Router`] serves gRPC, gRPC-Web and REST on one port. Handlers know none of these: they get the JSON
//! of the request and answer with the JSON of the response, which is also what REST carries; protobuf is made from
//! it and turned into it by [`codec`](Schema::encode). What differs between JSON and protobuf beyond names is in one
//! table, `special.rs`.

mod decode;
mod document;
mod encode;
mod grpc;
mod listener;
mod metrics;
mod rest;
mod route;
mod router;
mod schema;
mod select;
mod special;
mod validate;

pub use document::Document;
pub use listener::{WebTls, serve_web};
pub use metrics::CallMetrics;
pub use router::{Answer, Call, Context, Handler, Limits, Reply, Router, Wire};
pub use schema::{CodecError, Method, Schema, SchemaError};
