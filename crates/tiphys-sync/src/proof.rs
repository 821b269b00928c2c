//! Evidence that a set of desired objects is the whole set.
//!
//! A render that failed, was cut short or came from a cache of errors is not a small set of manifests: it is no set at
//! all. So pruning asks for a [`RenderProof`] (what the source says, complete) and for a
//! [`tiphys_live::LiveProof`] (what the cluster holds, completely observed), and neither can be made by accident.

use std::borrow::Borrow;
use std::collections::HashSet;

use tiphys_manifest::Manifest;

/// A complete render of all sources of one application.
#[derive(Clone, Debug)]
pub struct RenderProof {
    /// The revision that each source resolved to, in the order of the sources.
    pub revisions: Vec<String>,
    /// The tool that rendered each source (`Helm`, `Kustomize`, `Directory`, `Plugin`), in the order of the sources.
    pub source_types: Vec<String>,
    names: HashSet<(String, String, String)>,
}

impl RenderProof {
    /// Declares a render complete. Only to be called where every source was read to its end without an error: by the
    /// one that has checked the count and the digest at the end of the repo-server's stream.
    ///
    /// `objects` are all objects of all sources; only their names are kept, because a controller holds thousands of
    /// renders and looks at the objects of few.
    pub fn complete(
        revisions: Vec<String>,
        source_types: Vec<String>,
        objects: &[impl Borrow<Manifest>],
    ) -> Self {
        let names = objects
            .iter()
            .map(Borrow::borrow)
            .map(|object| (object.group().to_owned(), object.kind().to_owned(), object.name().to_owned()))
            .collect();
        RenderProof { revisions, source_types, names }
    }

    /// The revision of an application with one source; of several sources, the first one's.
    pub fn revision(&self) -> &str {
        self.revisions.first().map(String::as_str).unwrap_or_default()
    }

    /// Whether the render has an object of this group, kind and name in whatever namespace. The namespace is left
    /// out on purpose: it may be filled in or dropped after the render, and the question is asked before a deletion.
    pub fn mentions(&self, group: &str, kind: &str, name: &str) -> bool {
        self.names.contains(&(group.to_owned(), kind.to_owned(), name.to_owned()))
    }
}
