//! The schemas that one comparison or patch needs, read before it begins so that it can stay synchronous.

use std::collections::HashMap;
use std::sync::Arc;

use tiphys_cluster::Cluster;
use tiphys_compare::MergeSchemas;
use tiphys_diff::MergeSchema;
use tiphys_manifest::Gvk;

/// Schemas by kind; a kind without one is compared without.
#[derive(Clone, Default)]
pub(crate) struct Schemas(HashMap<Gvk, Option<Arc<MergeSchema>>>);

impl Schemas {
    /// Reads what is missing; the cluster keeps documents, so this is a request at most once for each group.
    pub(super) async fn load(&mut self, cluster: &Cluster, kinds: Vec<Gvk>) {
        for gvk in kinds {
            if self.0.contains_key(&gvk) {
                continue;
            }
            match cluster.schema(&gvk).await {
                Ok(schema) => {
                    self.0.insert(gvk, schema.map(Arc::new));
                }
                // Not remembered: the next comparison asks again.
                Err(error) => tracing::warn!(%gvk, %error, "compare without a schema"),
            }
        }
    }
}

impl MergeSchemas for Schemas {
    fn schema(&self, gvk: &Gvk) -> Option<Arc<MergeSchema>> {
        self.0.get(gvk).cloned().flatten()
    }
}
