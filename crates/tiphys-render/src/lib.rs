//! A source tree becomes manifests: plain files, Kustomize and Helm.
//!
//! [`Renderer::plan`] reads as much of a commit as is needed to know what a render would depend on; the plan's
//! [`RenderKey`] is equal exactly when the result would be. [`Renderer::render`] carries a plan out. Tools run as
//! processes of their own, without credentials, under limits. Where commits come from is left to `tiphys-git`, how
//! results are kept to the caller.

mod detect;
mod directory;
mod environment;
mod error;
mod helm;
mod inputs;
mod kustomize;
mod manifests;
mod plan;
mod process;
mod renderer;
mod toolbox;

pub use error::RenderError;
pub use inputs::{Inputs, Limits, Reference, ToolOptions};
pub use manifests::Rendered;
pub use plan::{Plan, RenderKey, SourceType};
pub use renderer::{Renderer, RendererOptions};
pub use toolbox::{Tool, Toolbox};
