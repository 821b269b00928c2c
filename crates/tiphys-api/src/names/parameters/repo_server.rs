//! Parameters of the repo-server.

use super::Parameter;

/// Parameters of the repo-server, by key.
pub(super) const PARAMETERS: &[Parameter] = &[
    Parameter { key: "log.format.timestamp", env: "ARGOCD_LOG_FORMAT_TIMESTAMP", default: "" },
    Parameter { key: "otlp.address", env: "ARGOCD_REPO_SERVER_OTLP_ADDRESS", default: "" },
    Parameter { key: "otlp.attrs", env: "ARGOCD_REPO_SERVER_OTLP_ATTRS", default: "" },
    Parameter { key: "otlp.headers", env: "ARGOCD_REPO_SERVER_OTLP_HEADERS", default: "" },
    Parameter { key: "otlp.insecure", env: "ARGOCD_REPO_SERVER_OTLP_INSECURE", default: "true" },
    Parameter { key: "otlp.sample.ratio", env: "ARGOCD_REPO_SERVER_OTLP_SAMPLE_RATIO", default: "1.0" },
    Parameter { key: "redis.compression", env: "REDIS_COMPRESSION", default: "gzip" },
    Parameter { key: "redis.db", env: "REDISDB", default: "0" },
    Parameter { key: "redis.key.prefix", env: "ARGOCD_REDIS_KEY_PREFIX", default: "" },
    Parameter { key: "redis.sentinel.hosts", env: "REDIS_SENTINEL_HOSTS", default: "" },
    Parameter { key: "redis.sentinel.master", env: "REDIS_SENTINEL_MASTER", default: "master" },
    Parameter { key: "redis.server", env: "REDIS_SERVER", default: "argocd-redis:6379" },
    Parameter {
        key: "reposerver.allow.oob.symlinks",
        env: "ARGOCD_REPO_SERVER_ALLOW_OUT_OF_BOUNDS_SYMLINKS",
        default: "false",
    },
    Parameter { key: "reposerver.client.ca.path", env: "ARGOCD_REPO_SERVER_CLIENT_CA_PATH", default: "" },
    Parameter {
        key: "reposerver.default.cache.expiration",
        env: "ARGOCD_DEFAULT_CACHE_EXPIRATION",
        default: "24h0m0s",
    },
    Parameter {
        key: "reposerver.disable.helm.manifest.max.extracted.size",
        env: "ARGOCD_REPO_SERVER_DISABLE_HELM_MANIFEST_MAX_EXTRACTED_SIZE",
        default: "false",
    },
    Parameter {
        key: "reposerver.disable.oci.manifest.max.extracted.size",
        env: "ARGOCD_REPO_SERVER_DISABLE_OCI_MANIFEST_MAX_EXTRACTED_SIZE",
        default: "false",
    },
    Parameter { key: "reposerver.disable.tls", env: "ARGOCD_REPO_SERVER_DISABLE_TLS", default: "false" },
    Parameter {
        key: "reposerver.enable.builtin.git.config",
        env: "ARGOCD_REPO_SERVER_ENABLE_BUILTIN_GIT_CONFIG",
        default: "true",
    },
    Parameter { key: "reposerver.enable.git.submodule", env: "ARGOCD_GIT_MODULES_ENABLED", default: "true" },
    Parameter {
        key: "reposerver.git.lsremote.parallelism.limit",
        env: "ARGOCD_GIT_LS_REMOTE_PARALLELISM_LIMIT",
        default: "0",
    },
    Parameter { key: "reposerver.git.request.timeout", env: "ARGOCD_GIT_REQUEST_TIMEOUT", default: "15s" },
    Parameter {
        key: "reposerver.grpc.enable.txt.service.config",
        env: "GRPC_ENABLE_TXT_SERVICE_CONFIG",
        default: "false",
    },
    Parameter { key: "reposerver.grpc.max.size", env: "ARGOCD_GRPC_MAX_SIZE_MB", default: "100" },
    Parameter {
        key: "reposerver.helm.manifest.max.extracted.size",
        env: "ARGOCD_REPO_SERVER_HELM_MANIFEST_MAX_EXTRACTED_SIZE",
        default: "1G",
    },
    Parameter { key: "reposerver.helm.user.agent", env: "ARGOCD_HELM_USER_AGENT", default: "" },
    Parameter {
        key: "reposerver.include.hidden.directories",
        env: "ARGOCD_REPO_SERVER_INCLUDE_HIDDEN_DIRECTORIES",
        default: "false",
    },
    Parameter {
        key: "reposerver.listen.address",
        env: "ARGOCD_REPO_SERVER_LISTEN_ADDRESS",
        default: "0.0.0.0",
    },
    Parameter { key: "reposerver.log.format", env: "ARGOCD_REPO_SERVER_LOGFORMAT", default: "json" },
    Parameter { key: "reposerver.log.level", env: "ARGOCD_REPO_SERVER_LOGLEVEL", default: "info" },
    Parameter {
        key: "reposerver.max.combined.directory.manifests.size",
        env: "ARGOCD_REPO_SERVER_MAX_COMBINED_DIRECTORY_MANIFESTS_SIZE",
        default: "10M",
    },
    Parameter {
        key: "reposerver.metrics.listen.address",
        env: "ARGOCD_REPO_SERVER_LISTEN_METRICS_ADDRESS",
        default: "0.0.0.0",
    },
    Parameter {
        key: "reposerver.oci.layer.media.types",
        env: "ARGOCD_REPO_SERVER_OCI_LAYER_MEDIA_TYPES",
        default: "application/vnd.oci.image.layer.v1.tar,application/vnd.oci.image.layer.v1.tar+gzip,application/vnd.cncf.helm.chart.content.v1.tar+gzip",
    },
    Parameter {
        key: "reposerver.oci.manifest.max.extracted.size",
        env: "ARGOCD_REPO_SERVER_OCI_MANIFEST_MAX_EXTRACTED_SIZE",
        default: "1G",
    },
    Parameter {
        key: "reposerver.parallelism.limit",
        env: "ARGOCD_REPO_SERVER_PARALLELISM_LIMIT",
        default: "0",
    },
    Parameter {
        key: "reposerver.plugin.tar.exclusions",
        env: "ARGOCD_REPO_SERVER_PLUGIN_TAR_EXCLUSIONS",
        default: "",
    },
    Parameter {
        key: "reposerver.plugin.use.manifest.generate.paths",
        env: "ARGOCD_REPO_SERVER_PLUGIN_USE_MANIFEST_GENERATE_PATHS",
        default: "false",
    },
    Parameter {
        key: "reposerver.repo.cache.expiration",
        env: "ARGOCD_REPO_CACHE_EXPIRATION",
        default: "24h0m0s",
    },
    Parameter {
        key: "reposerver.revision.cache.lock.timeout",
        env: "ARGOCD_REVISION_CACHE_LOCK_TIMEOUT",
        default: "10s",
    },
    Parameter {
        key: "reposerver.streamed.manifest.max.extracted.size",
        env: "ARGOCD_REPO_SERVER_STREAMED_MANIFEST_MAX_EXTRACTED_SIZE",
        default: "1G",
    },
    Parameter {
        key: "reposerver.streamed.manifest.max.tar.size",
        env: "ARGOCD_REPO_SERVER_STREAMED_MANIFEST_MAX_TAR_SIZE",
        default: "100M",
    },
    Parameter {
        key: "reposerver.tls.ciphers",
        env: "ARGOCD_TLS_CIPHERS",
        default: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    },
    Parameter { key: "reposerver.tls.maxversion", env: "ARGOCD_TLS_MAX_VERSION", default: "1.3" },
    Parameter { key: "reposerver.tls.minversion", env: "ARGOCD_TLS_MIN_VERSION", default: "1.2" },
];
