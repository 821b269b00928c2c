//! Which of the reference's flags for this service are not carried out, and what is said to who sets them.

use tiphys_wire::unbuilt::{Flag, UnbuiltFlags};

/// The table of the api-server.
#[derive(Debug, Clone, Copy)]
pub struct ServerFlags;

/// Short form used by the command line.
pub type Unbuilt = tiphys_wire::unbuilt::Unbuilt<ServerFlags>;

const NO_REDIS: &str = "no Redis is needed, the api-server holds what it shows";
const NO_CLIENT_LIMIT: &str = "requests are bounded by what is in flight, not by a rate";
const NO_PAGE: &str = "this build serves no web page";
const NO_WEBHOOKS: &str = "webhooks are not built, applications are polled";
const NO_APPLICATION_SETS: &str = "ApplicationSets are not built";
const OWN_CERTIFICATES: &str =
    "the services verify each other by certificates of their own; --internal-tls-dir replaces them";
const CIPHERS: &str = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";

impl UnbuiltFlags for ServerFlags {
    const FLAGS: &'static [Flag] = &[
        Flag::refused(
            "dex-server",
            "ARGOCD_SERVER_DEX_SERVER",
            &[
                "",
                "argocd-dex-server:5556",
                "http://argocd-dex-server:5556",
                "https://argocd-dex-server:5556",
            ],
        ),
        Flag::refused("dex-server-plaintext", "ARGOCD_SERVER_DEX_SERVER_PLAINTEXT", &["", "false"]),
        Flag::refused("dex-server-strict-tls", "ARGOCD_SERVER_DEX_SERVER_STRICT_TLS", &["", "false"]),
        Flag::refused("enable-proxy-extension", "ARGOCD_SERVER_ENABLE_PROXY_EXTENSION", &["", "false"]),
        Flag::refused("hydrator-enabled", "ARGOCD_HYDRATOR_ENABLED", &["", "false"]),
        Flag::refused("otlp-address", "ARGOCD_SERVER_OTLP_ADDRESS", &[""]),
        Flag::refused("tlsminversion", "ARGOCD_TLS_MIN_VERSION", &["", "1.2"]),
        Flag::refused("tlsmaxversion", "ARGOCD_TLS_MAX_VERSION", &["", "1.3"]),
        Flag::refused("tlsciphers", "ARGOCD_TLS_CIPHERS", &["", CIPHERS]),
        Flag::refused("as", "", &[""]),
        Flag::refused("as-group", "", &[""]),
        Flag::refused("username", "", &[""]),
        Flag::refused("password", "", &[""]),
        Flag::refused("token", "", &[""]),
        Flag::no_effect("otlp-insecure", "ARGOCD_SERVER_OTLP_INSECURE", "no traces are sent"),
        Flag::no_effect("otlp-headers", "ARGOCD_SERVER_OTLP_HEADERS", "no traces are sent"),
        Flag::no_effect("otlp-attrs", "ARGOCD_SERVER_OTLP_ATTRS", "no traces are sent"),
        Flag::no_effect("otlp-sample-ratio", "ARGOCD_SERVER_OTLP_SAMPLE_RATIO", "no traces are sent"),
        Flag::no_effect("staticassets", "ARGOCD_SERVER_STATIC_ASSETS", NO_PAGE),
        Flag::no_effect("disable-swagger-ui", "ARGOCD_SERVER_DISABLE_SWAGGER_UI", "no such page is served"),
        Flag::no_effect("redis", "REDIS_SERVER", NO_REDIS),
        Flag::no_effect("redisdb", "REDISDB", NO_REDIS),
        Flag::no_effect("redis-compress", "REDIS_COMPRESSION", NO_REDIS),
        Flag::no_effect("redis-key-prefix", "ARGOCD_REDIS_KEY_PREFIX", NO_REDIS),
        Flag::no_effect("redis-use-tls", "REDIS_USE_TLS", NO_REDIS),
        Flag::no_effect("redis-insecure-skip-tls-verify", "REDIS_INSECURE_SKIP_TLS_VERIFY", NO_REDIS),
        Flag::no_effect("redis-ca-certificate", "", NO_REDIS),
        Flag::no_effect("redis-client-certificate", "", NO_REDIS),
        Flag::no_effect("redis-client-key", "", NO_REDIS),
        Flag::no_effect("sentinel", "REDIS_SENTINEL_HOSTS", NO_REDIS),
        Flag::no_effect("sentinelmaster", "REDIS_SENTINEL_MASTER", NO_REDIS),
        Flag::no_effect("app-state-cache-expiration", "ARGOCD_APP_STATE_CACHE_EXPIRATION", NO_REDIS),
        Flag::no_effect("default-cache-expiration", "ARGOCD_DEFAULT_CACHE_EXPIRATION", NO_REDIS),
        Flag::no_effect(
            "connection-status-cache-expiration",
            "ARGOCD_SERVER_CONNECTION_STATUS_CACHE_EXPIRATION",
            NO_REDIS,
        ),
        Flag::no_effect("oidc-cache-expiration", "ARGOCD_SERVER_OIDC_CACHE_EXPIRATION", NO_REDIS),
        Flag::no_effect("k8s-client-qps", "ARGOCD_K8S_CLIENT_QPS", NO_CLIENT_LIMIT),
        Flag::no_effect("k8s-client-burst", "ARGOCD_K8S_CLIENT_BURST", NO_CLIENT_LIMIT),
        Flag::no_effect(
            "k8s-client-max-idle-connections",
            "ARGOCD_K8S_CLIENT_MAX_IDLE_CONNECTIONS",
            NO_CLIENT_LIMIT,
        ),
        Flag::no_effect("k8s-tcp-timeout", "ARGOCD_K8S_TCP_TIMEOUT", NO_CLIENT_LIMIT),
        Flag::no_effect("k8s-tcp-keepalive", "ARGOCD_K8S_TCP_KEEPALIVE", NO_CLIENT_LIMIT),
        Flag::no_effect("k8s-tcp-idle-timeout", "ARGOCD_K8S_TCP_IDLE_TIMEOUT", NO_CLIENT_LIMIT),
        Flag::no_effect("k8s-tls-handshake-timeout", "ARGOCD_K8S_TLS_HANDSHAKE_TIMEOUT", NO_CLIENT_LIMIT),
        Flag::no_effect("k8sclient-retry-max", "ARGOCD_K8SCLIENT_RETRY_MAX", NO_CLIENT_LIMIT),
        Flag::no_effect(
            "k8sclient-retry-base-backoff",
            "ARGOCD_K8SCLIENT_RETRY_BASE_BACKOFF",
            NO_CLIENT_LIMIT,
        ),
        Flag::no_effect(
            "glob-cache-size",
            "ARGOCD_SERVER_GLOB_CACHE_SIZE",
            "policies are compiled, there is no cache",
        ),
        Flag::no_effect("repo-server-strict-tls", "ARGOCD_SERVER_REPO_SERVER_STRICT_TLS", OWN_CERTIFICATES),
        Flag::refused("repo-server-ca-cert-path", "ARGOCD_SERVER_REPO_SERVER_CA_CERT_PATH", &[""]),
        Flag::refused("repo-server-client-cert-path", "ARGOCD_SERVER_REPO_SERVER_CLIENT_CERT_PATH", &[""]),
        Flag::refused(
            "repo-server-client-cert-key-path",
            "ARGOCD_SERVER_REPO_SERVER_CLIENT_CERT_KEY_PATH",
            &[""],
        ),
        Flag::no_effect("webhook-parallelism-limit", "ARGOCD_SERVER_WEBHOOK_PARALLELISM_LIMIT", NO_WEBHOOKS),
        Flag::no_effect("webhook-refresh-workers", "ARGOCD_SERVER_WEBHOOK_REFRESH_WORKERS", NO_WEBHOOKS),
        Flag::no_effect(
            "appset-allowed-scm-providers",
            "ARGOCD_APPLICATIONSET_CONTROLLER_ALLOWED_SCM_PROVIDERS",
            NO_APPLICATION_SETS,
        ),
        Flag::no_effect(
            "appset-enable-scm-providers",
            "ARGOCD_APPLICATIONSET_CONTROLLER_ENABLE_SCM_PROVIDERS",
            NO_APPLICATION_SETS,
        ),
        Flag::no_effect(
            "appset-scm-root-ca-path",
            "ARGOCD_APPLICATIONSET_CONTROLLER_SCM_ROOT_CA_PATH",
            NO_APPLICATION_SETS,
        ),
        Flag::no_effect(
            "appset-enable-new-git-file-globbing",
            "ARGOCD_APPLICATIONSET_CONTROLLER_ENABLE_NEW_GIT_FILE_GLOBBING",
            NO_APPLICATION_SETS,
        ),
        Flag::no_effect(
            "appset-enable-github-api-metrics",
            "ARGOCD_APPLICATIONSET_CONTROLLER_ENABLE_GITHUB_API_METRICS",
            NO_APPLICATION_SETS,
        ),
        Flag::no_effect("gloglevel", "", "there is no second logger"),
        Flag::no_effect(
            "grpc-enable-txt-service-config",
            "GRPC_ENABLE_TXT_SERVICE_CONFIG",
            "no DNS TXT look-ups are made",
        ),
    ];
}
