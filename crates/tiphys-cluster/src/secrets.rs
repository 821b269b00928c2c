//! Secrets as maps of bytes: what the control plane keeps for itself.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::ApiClient;
use crate::error::ApiError;
use crate::objects::PatchType;
use crate::path::ResourceType;

impl ApiClient {
    /// The data of a Secret; `None` when it is not there. Values that are not base64 are left out.
    ///
    /// # Errors
    ///
    /// Every other failure of the request.
    pub async fn load_secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<BTreeMap<String, Vec<u8>>>, ApiError> {
        let secret = self.get_object(&ResourceType::secrets(), namespace, name).await?;
        Ok(secret.map(|secret| {
            let data = secret.get("data").and_then(Value::as_object).into_iter().flatten();
            data.filter_map(|(key, value)| Some((key.clone(), STANDARD.decode(value.as_str()?).ok()?)))
                .collect()
        }))
    }

    /// Creates a Secret of type `Opaque`.
    ///
    /// # Errors
    ///
    /// [`ApiError::is_already_exists`] when there is one: somebody else was first.
    pub async fn create_secret(
        &self,
        namespace: &str,
        name: &str,
        labels: &BTreeMap<String, String>,
        data: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), ApiError> {
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "type": "Opaque",
            "data": encoded(data),
        });
        self.create_object(&ResourceType::secrets(), namespace, &secret).await.map(|_| ())
    }

    /// Sets values of a Secret and leaves its other ones alone.
    ///
    /// # Errors
    ///
    /// [`ApiError::is_not_found`] when there is no such Secret.
    pub async fn update_secret(
        &self,
        namespace: &str,
        name: &str,
        data: &BTreeMap<String, Vec<u8>>,
    ) -> Result<(), ApiError> {
        let patch = json!({"data": encoded(data)});
        let secrets = ResourceType::secrets();
        self.patch_object(&secrets, namespace, name, PatchType::Merge, &patch).await.map(|_| ())
    }
}

fn encoded(data: &BTreeMap<String, Vec<u8>>) -> BTreeMap<&str, String> {
    data.iter().map(|(key, value)| (key.as_str(), STANDARD.encode(value))).collect()
}
