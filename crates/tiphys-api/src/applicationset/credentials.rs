//! References to the Secrets and ConfigMaps that generators take their credentials from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::json::nullable;

/// One key of a Secret in the ApplicationSet's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Hash, PartialOrd, Ord, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    #[serde(deserialize_with = "nullable")]
    pub secret_name: String,
    /// Key in it.
    #[serde(deserialize_with = "nullable")]
    pub key: String,
}

/// One key of a ConfigMap in the ApplicationSet's namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Hash, PartialOrd, Ord, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ConfigMapKeyRef {
    /// Name of the ConfigMap.
    #[serde(deserialize_with = "nullable")]
    pub config_map_name: String,
    /// Key in it.
    #[serde(deserialize_with = "nullable")]
    pub key: String,
}

/// User and password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct BasicAuthBitbucketServer {
    /// User.
    #[serde(deserialize_with = "nullable")]
    pub username: String,
    /// Password.
    pub password_ref: Option<SecretRef>,
}

/// Token for Bitbucket Server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct BearerTokenBitbucket {
    /// The token.
    pub token_ref: Option<SecretRef>,
}

/// Token for Bitbucket Cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct BearerTokenBitbucketCloud {
    /// The token.
    pub token_ref: Option<SecretRef>,
}
