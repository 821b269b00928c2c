//! Which of the reference's flags for this service are not carried out, and what is said to who sets them.

use tiphys_wire::unbuilt::{Flag, UnbuiltFlags};

/// The table of the application-controller.
#[derive(Debug, Clone, Copy)]
pub struct ControllerFlags;

/// Short form used by the command line.
pub(crate) type Unbuilt = tiphys_wire::unbuilt::Unbuilt<ControllerFlags>;

const NO_REDIS: &str = "no Redis is needed, live state stays in this process";
const NO_CLIENT_LIMIT: &str = "requests are bounded by what is in flight, not by a rate";
const NO_TRACES: &str = "no traces are sent";
const OWN_BATCHES: &str = "events are always handled in batches";
const OWN_TIMEOUTS: &str = "connections to clusters have fixed timeouts";
const OWN_RETRIES: &str = "reads are tried again as long as needed, writes are looked at first";
const OWN_QUEUE: &str = "each application has its own queue of one";

impl UnbuiltFlags for ControllerFlags {
    const FLAGS: &'static [Flag] = &[
        Flag::refused(
            "sharding-method",
            "ARGOCD_CONTROLLER_SHARDING_ALGORITHM",
            &["", "legacy", "round-robin", "consistent-hashing"],
        ),
        Flag::refused(
            "dynamic-cluster-distribution-enabled",
            "ARGOCD_ENABLE_DYNAMIC_CLUSTER_DISTRIBUTION",
            &["", "false"],
        ),
        Flag::refused("controller-replicas", "ARGOCD_CONTROLLER_REPLICAS", &["", "0", "1"]),
        Flag::refused(
            "server-side-diff-enabled",
            "ARGOCD_APPLICATION_CONTROLLER_SERVER_SIDE_DIFF",
            &["", "false"],
        ),
        Flag::refused("hydrator-enabled", "ARGOCD_HYDRATOR_ENABLED", &["", "false"]),
        Flag::refused("otlp-address", "ARGOCD_APPLICATION_CONTROLLER_OTLP_ADDRESS", &[""]),
        Flag::refused(
            "metrics-cache-expiration",
            "ARGOCD_APPLICATION_CONTROLLER_METRICS_CACHE_EXPIRATION",
            &["", "0", "0s"],
        ),
        Flag::refused(
            "metrics-cluster-labels",
            "ARGOCD_APPLICATION_CONTROLLER_METRICS_CLUSTER_LABELS",
            &[""],
        ),
        Flag::refused("as", "", &[""]),
        Flag::refused("as-group", "", &[""]),
        Flag::refused("password", "", &[""]),
        Flag::refused("username", "", &[""]),
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
        Flag::no_effect("app-state-cache-expiration", "ARGOCD_APP_STATE_CACHE_EXPIRATION", NO_REDIS),
        Flag::no_effect("default-cache-expiration", "ARGOCD_DEFAULT_CACHE_EXPIRATION", NO_REDIS),
        Flag::no_effect("k8s-client-qps", "ARGOCD_K8S_CLIENT_QPS", NO_CLIENT_LIMIT),
        Flag::no_effect("k8s-client-burst", "ARGOCD_K8S_CLIENT_BURST", NO_CLIENT_LIMIT),
        Flag::no_effect(
            "k8s-client-max-idle-connections",
            "ARGOCD_K8S_CLIENT_MAX_IDLE_CONNECTIONS",
            NO_CLIENT_LIMIT,
        ),
        Flag::no_effect("wq-bucket-size", "WORKQUEUE_BUCKET_SIZE", OWN_QUEUE),
        Flag::no_effect("wq-bucket-qps", "WORKQUEUE_BUCKET_QPS", OWN_QUEUE),
        Flag::no_effect("wq-cooldown-ns", "WORKQUEUE_FAILURE_COOLDOWN_NS", OWN_QUEUE),
        Flag::no_effect("wq-basedelay-ns", "WORKQUEUE_BASE_DELAY_NS", OWN_QUEUE),
        Flag::no_effect("wq-maxdelay-ns", "WORKQUEUE_MAX_DELAY_NS", OWN_QUEUE),
        Flag::no_effect("wq-backoff-factor", "WORKQUEUE_BACKOFF_FACTOR", OWN_QUEUE),
        Flag::no_effect(
            "hydration-processors",
            "ARGOCD_APPLICATION_CONTROLLER_HYDRATION_PROCESSORS",
            "the source hydrator is not built",
        ),
        Flag::no_effect(
            "self-heal-backoff-cooldown-seconds",
            "ARGOCD_APPLICATION_CONTROLLER_SELF_HEAL_BACKOFF_COOLDOWN_SECONDS",
            "the reference ignores it too",
        ),
        Flag::no_effect(
            "repo-server-strict-tls",
            "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER_STRICT_TLS",
            "certificates between services are always verified",
        ),
        Flag::no_effect("gloglevel", "", "there is no second logger"),
        Flag::no_effect(
            "grpc-enable-txt-service-config",
            "GRPC_ENABLE_TXT_SERVICE_CONFIG",
            "no DNS TXT look-ups are made",
        ),
        Flag::no_effect(
            "ignore-normalizer-jq-execution-timeout-seconds",
            "ARGOCD_IGNORE_NORMALIZER_JQ_TIMEOUT",
            "jq expressions are bounded by steps",
        ),
        Flag::no_effect(
            "commit-server",
            "ARGOCD_APPLICATION_CONTROLLER_COMMIT_SERVER",
            "the source hydrator is not built",
        ),
        Flag::refused(
            "repo-server-ca-cert-path",
            "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER_CA_CERT_PATH",
            &[""],
        ),
        Flag::refused(
            "repo-server-client-cert-path",
            "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER_CLIENT_CERT_PATH",
            &[""],
        ),
        Flag::refused(
            "repo-server-client-cert-key-path",
            "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER_CLIENT_CERT_KEY_PATH",
            &[""],
        ),
        Flag::no_effect("otlp-insecure", "ARGOCD_APPLICATION_CONTROLLER_OTLP_INSECURE", NO_TRACES),
        Flag::no_effect("otlp-headers", "ARGOCD_APPLICATION_CONTROLLER_OTLP_HEADERS", NO_TRACES),
        Flag::no_effect("otlp-attrs", "ARGOCD_APPLICATION_CONTROLLER_OTLP_ATTRS", NO_TRACES),
        Flag::no_effect("otlp-sample-ratio", "ARGOCD_APPLICATION_CONTROLLER_OTLP_SAMPLE_RATIO", NO_TRACES),
        // These have no flag in Argo CD, only a variable.
        Flag::no_effect("redis-key-prefix", "ARGOCD_REDIS_KEY_PREFIX", NO_REDIS),
        Flag::refused("log-format-timestamp", "ARGOCD_LOG_FORMAT_TIMESTAMP", &[""]),
        Flag::no_effect(
            "cluster-cache-batch-events-processing",
            "ARGOCD_CLUSTER_CACHE_BATCH_EVENTS_PROCESSING",
            OWN_BATCHES,
        ),
        Flag::no_effect(
            "cluster-cache-events-processing-interval",
            "ARGOCD_CLUSTER_CACHE_EVENTS_PROCESSING_INTERVAL",
            OWN_BATCHES,
        ),
        Flag::no_effect("k8s-tcp-timeout", "ARGOCD_K8S_TCP_TIMEOUT", OWN_TIMEOUTS),
        Flag::no_effect("k8s-tcp-keepalive", "ARGOCD_K8S_TCP_KEEPALIVE", OWN_TIMEOUTS),
        Flag::no_effect("k8s-tcp-idle-timeout", "ARGOCD_K8S_TCP_IDLE_TIMEOUT", OWN_TIMEOUTS),
        Flag::no_effect("k8s-tls-handshake-timeout", "ARGOCD_K8S_TLS_HANDSHAKE_TIMEOUT", OWN_TIMEOUTS),
        Flag::no_effect("k8sclient-retry-max", "ARGOCD_K8SCLIENT_RETRY_MAX", OWN_RETRIES),
        Flag::no_effect("k8sclient-retry-base-backoff", "ARGOCD_K8SCLIENT_RETRY_BASE_BACKOFF", OWN_RETRIES),
    ];
}
