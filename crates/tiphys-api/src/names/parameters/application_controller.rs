//! Parameters of the application controller.

use super::Parameter;

/// Parameters of the application controller, by key.
pub(super) const PARAMETERS: &[Parameter] = &[
    Parameter { key: "application.namespaces", env: "ARGOCD_APPLICATION_NAMESPACES", default: "" },
    Parameter {
        key: "commit.server",
        env: "ARGOCD_APPLICATION_CONTROLLER_COMMIT_SERVER",
        default: "argocd-commit-server:8086",
    },
    Parameter {
        key: "controller.app.state.cache.expiration",
        env: "ARGOCD_APP_STATE_CACHE_EXPIRATION",
        default: "1h0m0s",
    },
    Parameter {
        key: "controller.cluster.cache.batch.events.processing",
        env: "ARGOCD_CLUSTER_CACHE_BATCH_EVENTS_PROCESSING",
        default: "true",
    },
    Parameter {
        key: "controller.cluster.cache.events.processing.interval",
        env: "ARGOCD_CLUSTER_CACHE_EVENTS_PROCESSING_INTERVAL",
        default: "100ms",
    },
    Parameter {
        key: "controller.default.cache.expiration",
        env: "ARGOCD_DEFAULT_CACHE_EXPIRATION",
        default: "24h0m0s",
    },
    Parameter {
        key: "controller.diff.server.side",
        env: "ARGOCD_APPLICATION_CONTROLLER_SERVER_SIDE_DIFF",
        default: "false",
    },
    Parameter {
        key: "controller.grpc.enable.txt.service.config",
        env: "GRPC_ENABLE_TXT_SERVICE_CONFIG",
        default: "false",
    },
    Parameter {
        key: "controller.hydration.processors",
        env: "ARGOCD_APPLICATION_CONTROLLER_HYDRATION_PROCESSORS",
        default: "5",
    },
    Parameter {
        key: "controller.ignore.normalizer.jq.timeout",
        env: "ARGOCD_IGNORE_NORMALIZER_JQ_TIMEOUT",
        default: "1s",
    },
    Parameter { key: "controller.k8s.client.burst", env: "ARGOCD_K8S_CLIENT_BURST", default: "100" },
    Parameter {
        key: "controller.k8s.client.max.idle.connections",
        env: "ARGOCD_K8S_CLIENT_MAX_IDLE_CONNECTIONS",
        default: "500",
    },
    Parameter { key: "controller.k8s.client.qps", env: "ARGOCD_K8S_CLIENT_QPS", default: "50" },
    Parameter { key: "controller.k8s.tcp.idle.timeout", env: "ARGOCD_K8S_TCP_IDLE_TIMEOUT", default: "5m" },
    Parameter { key: "controller.k8s.tcp.keepalive", env: "ARGOCD_K8S_TCP_KEEPALIVE", default: "30s" },
    Parameter { key: "controller.k8s.tcp.timeout", env: "ARGOCD_K8S_TCP_TIMEOUT", default: "30s" },
    Parameter {
        key: "controller.k8s.tls.handshake.timeout",
        env: "ARGOCD_K8S_TLS_HANDSHAKE_TIMEOUT",
        default: "10s",
    },
    Parameter {
        key: "controller.k8sclient.retry.base.backoff",
        env: "ARGOCD_K8SCLIENT_RETRY_BASE_BACKOFF",
        default: "100",
    },
    Parameter { key: "controller.k8sclient.retry.max", env: "ARGOCD_K8SCLIENT_RETRY_MAX", default: "0" },
    Parameter {
        key: "controller.kubectl.parallelism.limit",
        env: "ARGOCD_APPLICATION_CONTROLLER_KUBECTL_PARALLELISM_LIMIT",
        default: "20",
    },
    Parameter {
        key: "controller.log.format",
        env: "ARGOCD_APPLICATION_CONTROLLER_LOGFORMAT",
        default: "json",
    },
    Parameter { key: "controller.log.level", env: "ARGOCD_APPLICATION_CONTROLLER_LOGLEVEL", default: "info" },
    Parameter {
        key: "controller.metrics.application.conditions",
        env: "ARGOCD_APPLICATION_CONTROLLER_METRICS_APPLICATION_CONDITIONS",
        default: "",
    },
    Parameter {
        key: "controller.metrics.application.labels",
        env: "ARGOCD_APPLICATION_CONTROLLER_METRICS_APPLICATION_LABELS",
        default: "",
    },
    Parameter {
        key: "controller.metrics.cache.expiration",
        env: "ARGOCD_APPLICATION_CONTROLLER_METRICS_CACHE_EXPIRATION",
        default: "0",
    },
    Parameter {
        key: "controller.metrics.cluster.labels",
        env: "ARGOCD_APPLICATION_CONTROLLER_METRICS_CLUSTER_LABELS",
        default: "",
    },
    Parameter {
        key: "controller.operation.processors",
        env: "ARGOCD_APPLICATION_CONTROLLER_OPERATION_PROCESSORS",
        default: "10",
    },
    Parameter {
        key: "controller.repo.error.grace.period.seconds",
        env: "ARGOCD_REPO_ERROR_GRACE_PERIOD_SECONDS",
        default: "180",
    },
    Parameter {
        key: "controller.repo.server.ca.cert.path",
        env: "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER_CA_CERT_PATH",
        default: "",
    },
    Parameter {
        key: "controller.repo.server.client.cert.key.path",
        env: "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER_CLIENT_CERT_KEY_PATH",
        default: "",
    },
    Parameter {
        key: "controller.repo.server.client.cert.path",
        env: "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER_CLIENT_CERT_PATH",
        default: "",
    },
    Parameter {
        key: "controller.repo.server.plaintext",
        env: "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER_PLAINTEXT",
        default: "false",
    },
    Parameter {
        key: "controller.repo.server.strict.tls",
        env: "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER_STRICT_TLS",
        default: "false",
    },
    Parameter {
        key: "controller.repo.server.timeout.seconds",
        env: "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER_TIMEOUT_SECONDS",
        default: "60",
    },
    Parameter {
        key: "controller.resource.health.persist",
        env: "ARGOCD_APPLICATION_CONTROLLER_PERSIST_RESOURCE_HEALTH",
        default: "false",
    },
    Parameter {
        key: "controller.self.heal.backoff.cap.seconds",
        env: "ARGOCD_APPLICATION_CONTROLLER_SELF_HEAL_BACKOFF_CAP_SECONDS",
        default: "300",
    },
    Parameter {
        key: "controller.self.heal.backoff.cooldown.seconds",
        env: "ARGOCD_APPLICATION_CONTROLLER_SELF_HEAL_BACKOFF_COOLDOWN_SECONDS",
        default: "330",
    },
    Parameter {
        key: "controller.self.heal.backoff.factor",
        env: "ARGOCD_APPLICATION_CONTROLLER_SELF_HEAL_BACKOFF_FACTOR",
        default: "3",
    },
    Parameter {
        key: "controller.self.heal.backoff.timeout.seconds",
        env: "ARGOCD_APPLICATION_CONTROLLER_SELF_HEAL_BACKOFF_TIMEOUT_SECONDS",
        default: "2",
    },
    Parameter {
        key: "controller.self.heal.timeout.seconds",
        env: "ARGOCD_APPLICATION_CONTROLLER_SELF_HEAL_TIMEOUT_SECONDS",
        default: "0",
    },
    Parameter {
        key: "controller.sharding.algorithm",
        env: "ARGOCD_CONTROLLER_SHARDING_ALGORITHM",
        default: "legacy",
    },
    Parameter {
        key: "controller.status.processors",
        env: "ARGOCD_APPLICATION_CONTROLLER_STATUS_PROCESSORS",
        default: "20",
    },
    Parameter {
        key: "controller.sync.timeout.seconds",
        env: "ARGOCD_APPLICATION_CONTROLLER_SYNC_TIMEOUT",
        default: "0",
    },
    Parameter { key: "controller.sync.wave.delay.seconds", env: "ARGOCD_SYNC_WAVE_DELAY", default: "2" },
    Parameter { key: "hydrator.enabled", env: "ARGOCD_HYDRATOR_ENABLED", default: "false" },
    Parameter { key: "log.format.timestamp", env: "ARGOCD_LOG_FORMAT_TIMESTAMP", default: "" },
    Parameter { key: "otlp.address", env: "ARGOCD_APPLICATION_CONTROLLER_OTLP_ADDRESS", default: "" },
    Parameter { key: "otlp.attrs", env: "ARGOCD_APPLICATION_CONTROLLER_OTLP_ATTRS", default: "" },
    Parameter { key: "otlp.headers", env: "ARGOCD_APPLICATION_CONTROLLER_OTLP_HEADERS", default: "" },
    Parameter { key: "otlp.insecure", env: "ARGOCD_APPLICATION_CONTROLLER_OTLP_INSECURE", default: "true" },
    Parameter {
        key: "otlp.sample.ratio",
        env: "ARGOCD_APPLICATION_CONTROLLER_OTLP_SAMPLE_RATIO",
        default: "1.0",
    },
    Parameter { key: "redis.compression", env: "REDIS_COMPRESSION", default: "gzip" },
    Parameter { key: "redis.db", env: "REDISDB", default: "0" },
    Parameter { key: "redis.key.prefix", env: "ARGOCD_REDIS_KEY_PREFIX", default: "" },
    Parameter { key: "redis.sentinel.hosts", env: "REDIS_SENTINEL_HOSTS", default: "" },
    Parameter { key: "redis.sentinel.master", env: "REDIS_SENTINEL_MASTER", default: "master" },
    Parameter { key: "redis.server", env: "REDIS_SERVER", default: "argocd-redis:6379" },
    Parameter {
        key: "repo.server",
        env: "ARGOCD_APPLICATION_CONTROLLER_REPO_SERVER",
        default: "argocd-repo-server:8081",
    },
];
