//! Normalises and compares desired with live objects, and computes the patch between them.
//!
//! Knows what `kubectl apply` sends and what the API server makes of it: strategic merge, defaults, canonical
//! spellings. Everything is computed in memory from the API server's OpenAPI documents; reading these, sending
//! patches and deciding what to do about a difference is for others.
//!
//! The way of a comparison: [`OpenApi::parse`] once per group and version, [`OpenApi::schema`] per kind, then
//! [`is_modified`] for the verdict, [`compare`] for the two sides to show, [`apply::client_side`] for the patch to send.

pub mod apply;
pub mod compare;
mod defaults;
mod endpoints;
mod equivalent;
pub mod ignore;
mod managed_fields;
pub mod merge;
mod pointers;
pub mod schema;
mod spelling;
pub mod text;

pub use apply::{Patch, PatchKind, last_applied_annotation, three_way};
pub use compare::{DiffContext, DiffOptions, Difference, StatusFields, compare, is_modified};
pub use ignore::{IgnoreProblem, IgnoreRule, IgnoreRules};
pub use schema::{MergeSchema, OpenApi};
pub use text::unified;

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tables read better without a sigil on every value")]
mod tests;
