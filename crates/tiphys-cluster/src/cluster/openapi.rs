//! Schemas of kinds, read from the API server when they are first asked for and kept per group and version.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tiphys_diff::{MergeSchema, OpenApi};
use tiphys_manifest::Gvk;
use tokio::sync::Mutex;

use super::Cluster;
use crate::client::Call;
use crate::error::ApiError;

/// Where the old document is kept that holds all kinds.
const EVERYTHING: &str = "";

/// Documents by path, for example `apis/apps/v1`.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The discovery after which the paths were read.
    as_of: Option<u64>,
    paths: HashMap<String, String>,
    /// Address (it has a hash of the content in it) and what was read there.
    documents: HashMap<String, (String, Arc<OpenApi>)>,
}

#[derive(Deserialize)]
struct Root {
    #[serde(default)]
    paths: HashMap<String, PathItem>,
}

#[derive(Deserialize)]
struct PathItem {
    #[serde(rename = "serverRelativeURL")]
    server_relative_url: String,
}

impl Cluster {
    /// The schema of a kind; `None` when the API server publishes none. Kept until the document changes.
    ///
    /// # Errors
    ///
    /// When the document can't be read.
    pub async fn schema(&self, gvk: &Gvk) -> Result<Option<MergeSchema>, ApiError> {
        Ok(self.openapi(&gvk.group, &gvk.version).await?.and_then(|document| document.schema(gvk)))
    }

    /// The schemas of a group and version; `None` when the API server does not publish them.
    ///
    /// # Errors
    ///
    /// When the document can't be read.
    pub async fn openapi(&self, group: &str, version: &str) -> Result<Option<Arc<OpenApi>>, ApiError> {
        let name =
            if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") };
        let now = *self.inner.discoveries.borrow();
        // One at a time: twenty comparisons that start together ask for the same document.
        let mut known = self.inner.schemas.known.lock().await;
        if known.as_of != Some(now) {
            known.paths = self.paths().await?;
            known.as_of = Some(now);
        }
        let name = if known.paths.contains_key(EVERYTHING) { EVERYTHING.to_owned() } else { name };
        let Some(url) = known.paths.get(&name).cloned() else { return Ok(None) };
        if let Some((read_at, document)) = known.documents.get(&name)
            && *read_at == url
        {
            return Ok(Some(document.clone()));
        }
        let raw: Value = self.client().json(Call::get(url.clone())).await?;
        let document = Arc::new(OpenApi::parse(&raw));
        known.documents.insert(name, (url, document.clone()));
        Ok(Some(document))
    }

    /// Where the documents are. API servers before 1.24 have one for everything.
    async fn paths(&self) -> Result<HashMap<String, String>, ApiError> {
        match self.client().json::<Root>(Call::get("/openapi/v3")).await {
            Ok(root) => {
                Ok(root.paths.into_iter().map(|(name, item)| (name, item.server_relative_url)).collect())
            }
            Err(error) if error.is_not_found() => {
                Ok(HashMap::from([(EVERYTHING.to_owned(), "/openapi/v2".to_owned())]))
            }
            Err(error) => Err(error),
        }
    }
}
