//! Which of the reference's flags for this service are not carried out, and what is said to who sets them.

use tiphys_wire::unbuilt::{Flag, UnbuiltFlags};

/// The table of the repo-server.
#[derive(Debug, Clone, Copy)]
pub struct RepoServerFlags;

/// Short form used by the command line.
pub(crate) type Unbuilt = tiphys_wire::unbuilt::Unbuilt<RepoServerFlags>;

const NO_REDIS: &str = "no Redis is needed, rendered manifests are kept in this process";
const NO_CHARTS: &str = "Helm and OCI repositories are not supported yet";
const NO_STREAM: &str = "rendering of files that a client sends is not supported yet";
const NO_GIT: &str = "repositories are read without the git program";

impl UnbuiltFlags for RepoServerFlags {
    const FLAGS: &'static [Flag] = &[
        Flag::refused(
            "allow-oob-symlinks",
            "ARGOCD_REPO_SERVER_ALLOW_OUT_OF_BOUNDS_SYMLINKS",
            &["", "false"],
        ),
        Flag::refused("otlp-address", "ARGOCD_REPO_SERVER_OTLP_ADDRESS", &[""]),
        Flag::refused("plugin-tar-exclude", "ARGOCD_REPO_SERVER_PLUGIN_TAR_EXCLUSIONS", &[""]),
        Flag::refused(
            "plugin-use-manifest-generate-paths",
            "ARGOCD_REPO_SERVER_PLUGIN_USE_MANIFEST_GENERATE_PATHS",
            &["", "false"],
        ),
        Flag::refused("tlsminversion", "ARGOCD_TLS_MIN_VERSION", &["", "1.2", "1.3"]),
        Flag::refused("tlsmaxversion", "ARGOCD_TLS_MAX_VERSION", &["", "1.3"]),
        Flag::refused("tlsciphers", "ARGOCD_TLS_CIPHERS", &["", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]),
        Flag::no_effect("otlp-insecure", "ARGOCD_REPO_SERVER_OTLP_INSECURE", "no traces are sent"),
        Flag::no_effect("otlp-headers", "ARGOCD_REPO_SERVER_OTLP_HEADERS", "no traces are sent"),
        Flag::no_effect("otlp-attrs", "ARGOCD_REPO_SERVER_OTLP_ATTRS", "no traces are sent"),
        Flag::no_effect("otlp-sample-ratio", "ARGOCD_REPO_SERVER_OTLP_SAMPLE_RATIO", "no traces are sent"),
        Flag::no_effect(
            "helm-manifest-max-extracted-size",
            "ARGOCD_REPO_SERVER_HELM_MANIFEST_MAX_EXTRACTED_SIZE",
            NO_CHARTS,
        ),
        Flag::no_effect("helm-registry-max-index-size", "", NO_CHARTS),
        Flag::no_effect(
            "disable-helm-manifest-max-extracted-size",
            "ARGOCD_REPO_SERVER_DISABLE_HELM_MANIFEST_MAX_EXTRACTED_SIZE",
            NO_CHARTS,
        ),
        Flag::no_effect("helm-user-agent", "ARGOCD_HELM_USER_AGENT", NO_CHARTS),
        Flag::no_effect(
            "oci-manifest-max-extracted-size",
            "ARGOCD_REPO_SERVER_OCI_MANIFEST_MAX_EXTRACTED_SIZE",
            NO_CHARTS,
        ),
        Flag::no_effect(
            "disable-oci-manifest-max-extracted-size",
            "ARGOCD_REPO_SERVER_DISABLE_OCI_MANIFEST_MAX_EXTRACTED_SIZE",
            NO_CHARTS,
        ),
        Flag::no_effect("oci-layer-media-types", "ARGOCD_REPO_SERVER_OCI_LAYER_MEDIA_TYPES", NO_CHARTS),
        Flag::no_effect(
            "streamed-manifest-max-tar-size",
            "ARGOCD_REPO_SERVER_STREAMED_MANIFEST_MAX_TAR_SIZE",
            NO_STREAM,
        ),
        Flag::no_effect(
            "streamed-manifest-max-extracted-size",
            "ARGOCD_REPO_SERVER_STREAMED_MANIFEST_MAX_EXTRACTED_SIZE",
            NO_STREAM,
        ),
        Flag::no_effect("enable-builtin-git-config", "ARGOCD_REPO_SERVER_ENABLE_BUILTIN_GIT_CONFIG", NO_GIT),
        Flag::no_effect(
            "git-modules-enabled",
            "ARGOCD_GIT_MODULES_ENABLED",
            "submodules are not fetched yet",
        ),
        Flag::no_effect("git-attempts-count", "ARGOCD_GIT_ATTEMPTS_COUNT", "callers ask again by themselves"),
        Flag::no_effect("revision-cache-lock-timeout", "ARGOCD_REVISION_CACHE_LOCK_TIMEOUT", NO_REDIS),
        Flag::no_effect("default-cache-expiration", "ARGOCD_DEFAULT_CACHE_EXPIRATION", NO_REDIS),
        Flag::no_effect("redis", "REDIS_SERVER", NO_REDIS),
        Flag::no_effect("redisdb", "REDISDB", NO_REDIS),
        Flag::no_effect("redis-compress", "REDIS_COMPRESSION", NO_REDIS),
        Flag::no_effect("redis-use-tls", "REDIS_USE_TLS", NO_REDIS),
        Flag::no_effect("redis-insecure-skip-tls-verify", "REDIS_INSECURE_SKIP_TLS_VERIFY", NO_REDIS),
        Flag::no_effect("redis-ca-certificate", "", NO_REDIS),
        Flag::no_effect("redis-client-certificate", "", NO_REDIS),
        Flag::no_effect("redis-client-key", "", NO_REDIS),
        Flag::no_effect("sentinel", "REDIS_SENTINEL_HOSTS", NO_REDIS),
        Flag::no_effect("sentinelmaster", "REDIS_SENTINEL_MASTER", NO_REDIS),
        // These have no flag in Argo CD, only a variable.
        Flag::no_effect("redis-key-prefix", "ARGOCD_REDIS_KEY_PREFIX", NO_REDIS),
        Flag::refused("log-format-timestamp", "ARGOCD_LOG_FORMAT_TIMESTAMP", &[""]),
        Flag::no_effect(
            "grpc-enable-txt-service-config",
            "GRPC_ENABLE_TXT_SERVICE_CONFIG",
            "no DNS TXT look-ups are made",
        ),
        Flag::no_effect(
            "grpc-max-size-mb",
            "ARGOCD_GRPC_MAX_SIZE_MB",
            "manifests are streamed in small messages",
        ),
    ];
}
