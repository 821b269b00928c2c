//! Parameters of the ApplicationSet controller.

use super::Parameter;

/// Parameters of the ApplicationSet controller, by key.
pub(super) const PARAMETERS: &[Parameter] = &[
    Parameter {
        key: "applicationsetcontroller.allowed.scm.providers",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_ALLOWED_SCM_PROVIDERS",
        default: "",
    },
    Parameter {
        key: "applicationsetcontroller.concurrent.reconciliations.max",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_CONCURRENT_RECONCILIATIONS",
        default: "10",
    },
    Parameter {
        key: "applicationsetcontroller.debug",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_DEBUG",
        default: "false",
    },
    Parameter {
        key: "applicationsetcontroller.dryrun",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_DRY_RUN",
        default: "false",
    },
    Parameter {
        key: "applicationsetcontroller.enable.git.submodule",
        env: "ARGOCD_GIT_MODULES_ENABLED",
        default: "true",
    },
    Parameter {
        key: "applicationsetcontroller.enable.github.api.metrics",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_ENABLE_GITHUB_API_METRICS",
        default: "false",
    },
    Parameter {
        key: "applicationsetcontroller.enable.leader.election",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_ENABLE_LEADER_ELECTION",
        default: "false",
    },
    Parameter {
        key: "applicationsetcontroller.enable.new.git.file.globbing",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_ENABLE_NEW_GIT_FILE_GLOBBING",
        default: "false",
    },
    Parameter {
        key: "applicationsetcontroller.enable.policy.override",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_ENABLE_POLICY_OVERRIDE",
        default: "",
    },
    Parameter {
        key: "applicationsetcontroller.enable.progressive.syncs",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_ENABLE_PROGRESSIVE_SYNCS",
        default: "false",
    },
    Parameter {
        key: "applicationsetcontroller.enable.scm.providers",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_ENABLE_SCM_PROVIDERS",
        default: "true",
    },
    Parameter {
        key: "applicationsetcontroller.enable.tokenref.strict.mode",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_TOKENREF_STRICT_MODE",
        default: "false",
    },
    Parameter {
        key: "applicationsetcontroller.global.preserved.annotations",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_GLOBAL_PRESERVED_ANNOTATIONS",
        default: "",
    },
    Parameter {
        key: "applicationsetcontroller.global.preserved.labels",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_GLOBAL_PRESERVED_LABELS",
        default: "",
    },
    Parameter {
        key: "applicationsetcontroller.grpc.enable.txt.service.config",
        env: "GRPC_ENABLE_TXT_SERVICE_CONFIG",
        default: "false",
    },
    Parameter {
        key: "applicationsetcontroller.k8s.client.burst",
        env: "ARGOCD_K8S_CLIENT_BURST",
        default: "100",
    },
    Parameter {
        key: "applicationsetcontroller.k8s.client.max.idle.connections",
        env: "ARGOCD_K8S_CLIENT_MAX_IDLE_CONNECTIONS",
        default: "500",
    },
    Parameter { key: "applicationsetcontroller.k8s.client.qps", env: "ARGOCD_K8S_CLIENT_QPS", default: "50" },
    Parameter {
        key: "applicationsetcontroller.k8s.tcp.idle.timeout",
        env: "ARGOCD_K8S_TCP_IDLE_TIMEOUT",
        default: "5m",
    },
    Parameter {
        key: "applicationsetcontroller.k8s.tcp.keepalive",
        env: "ARGOCD_K8S_TCP_KEEPALIVE",
        default: "30s",
    },
    Parameter {
        key: "applicationsetcontroller.k8s.tcp.timeout",
        env: "ARGOCD_K8S_TCP_TIMEOUT",
        default: "30s",
    },
    Parameter {
        key: "applicationsetcontroller.k8s.tls.handshake.timeout",
        env: "ARGOCD_K8S_TLS_HANDSHAKE_TIMEOUT",
        default: "10s",
    },
    Parameter {
        key: "applicationsetcontroller.log.format",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_LOGFORMAT",
        default: "json",
    },
    Parameter {
        key: "applicationsetcontroller.log.level",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_LOGLEVEL",
        default: "info",
    },
    Parameter {
        key: "applicationsetcontroller.namespaces",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_NAMESPACES",
        default: "",
    },
    Parameter {
        key: "applicationsetcontroller.policy",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_POLICY",
        default: "",
    },
    Parameter {
        key: "applicationsetcontroller.repo.server.ca.cert.path",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_REPO_SERVER_CA_CERT_PATH",
        default: "",
    },
    Parameter {
        key: "applicationsetcontroller.repo.server.client.cert.key.path",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_REPO_SERVER_CLIENT_CERT_KEY_PATH",
        default: "",
    },
    Parameter {
        key: "applicationsetcontroller.repo.server.client.cert.path",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_REPO_SERVER_CLIENT_CERT_PATH",
        default: "",
    },
    Parameter {
        key: "applicationsetcontroller.repo.server.plaintext",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_REPO_SERVER_PLAINTEXT",
        default: "false",
    },
    Parameter {
        key: "applicationsetcontroller.repo.server.strict.tls",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_REPO_SERVER_STRICT_TLS",
        default: "false",
    },
    Parameter {
        key: "applicationsetcontroller.repo.server.timeout.seconds",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_REPO_SERVER_TIMEOUT_SECONDS",
        default: "60",
    },
    Parameter {
        key: "applicationsetcontroller.requeue.after",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_REQUEUE_AFTER",
        default: "3m",
    },
    Parameter {
        key: "applicationsetcontroller.scm.root.ca.path",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_SCM_ROOT_CA_PATH",
        default: "",
    },
    Parameter {
        key: "applicationsetcontroller.status.max.resources.count",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_MAX_RESOURCES_STATUS_COUNT",
        default: "5000",
    },
    Parameter {
        key: "applicationsetcontroller.webhook.parallelism.limit",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_WEBHOOK_PARALLELISM_LIMIT",
        default: "50",
    },
    Parameter { key: "log.format.timestamp", env: "ARGOCD_LOG_FORMAT_TIMESTAMP", default: "" },
    Parameter {
        key: "repo.server",
        env: "ARGOCD_APPLICATIONSET_CONTROLLER_REPO_SERVER",
        default: "argocd-repo-server:8081",
    },
];
