//! Parameters of the services that are no part of this installation yet; they are known so that they can be told from
//! typing mistakes.

use super::Parameter;

/// Parameters of the commit server, Dex and the notifications controller, by key.
pub(super) const PARAMETERS: &[Parameter] = &[
    Parameter { key: "application.namespaces", env: "ARGOCD_APPLICATION_NAMESPACES", default: "" },
    Parameter {
        key: "commitserver.grpc.enable.txt.service.config",
        env: "GRPC_ENABLE_TXT_SERVICE_CONFIG",
        default: "false",
    },
    Parameter {
        key: "commitserver.listen.address",
        env: "ARGOCD_COMMIT_SERVER_LISTEN_ADDRESS",
        default: "0.0.0.0",
    },
    Parameter { key: "commitserver.log.format", env: "ARGOCD_COMMIT_SERVER_LOGFORMAT", default: "json" },
    Parameter { key: "commitserver.log.level", env: "ARGOCD_COMMIT_SERVER_LOGLEVEL", default: "info" },
    Parameter {
        key: "commitserver.metrics.listen.address",
        env: "ARGOCD_COMMIT_SERVER_METRICS_LISTEN_ADDRESS",
        default: "0.0.0.0",
    },
    Parameter {
        key: "dexserver.connector.failure.continue",
        env: "DEX_CONTINUE_ON_CONNECTOR_FAILURE",
        default: "false",
    },
    Parameter { key: "dexserver.disable.tls", env: "ARGOCD_DEX_SERVER_DISABLE_TLS", default: "false" },
    Parameter { key: "dexserver.log.format", env: "ARGOCD_DEX_SERVER_LOGFORMAT", default: "json" },
    Parameter { key: "dexserver.log.level", env: "ARGOCD_DEX_SERVER_LOGLEVEL", default: "info" },
    Parameter { key: "log.format.timestamp", env: "ARGOCD_LOG_FORMAT_TIMESTAMP", default: "" },
    Parameter { key: "log.format.timestamp", env: "ARGOCD_LOG_FORMAT_TIMESTAMP", default: "" },
    Parameter { key: "log.format.timestamp", env: "ARGOCD_LOG_FORMAT_TIMESTAMP", default: "" },
    Parameter {
        key: "notificationscontroller.log.format",
        env: "ARGOCD_NOTIFICATIONS_CONTROLLER_LOGFORMAT",
        default: "json",
    },
    Parameter {
        key: "notificationscontroller.log.level",
        env: "ARGOCD_NOTIFICATIONS_CONTROLLER_LOGLEVEL",
        default: "info",
    },
    Parameter {
        key: "notificationscontroller.processors.count",
        env: "ARGOCD_NOTIFICATION_CONTROLLER_PROCESSORS_COUNT",
        default: "1",
    },
    Parameter {
        key: "notificationscontroller.repo.server.ca.cert.path",
        env: "ARGOCD_NOTIFICATION_CONTROLLER_REPO_SERVER_CA_CERT_PATH",
        default: "",
    },
    Parameter {
        key: "notificationscontroller.repo.server.client.cert.key.path",
        env: "ARGOCD_NOTIFICATION_CONTROLLER_REPO_SERVER_CLIENT_CERT_KEY_PATH",
        default: "",
    },
    Parameter {
        key: "notificationscontroller.repo.server.client.cert.path",
        env: "ARGOCD_NOTIFICATION_CONTROLLER_REPO_SERVER_CLIENT_CERT_PATH",
        default: "",
    },
    Parameter {
        key: "notificationscontroller.repo.server.plaintext",
        env: "ARGOCD_NOTIFICATION_CONTROLLER_REPO_SERVER_PLAINTEXT",
        default: "false",
    },
    Parameter {
        key: "notificationscontroller.selfservice.enabled",
        env: "ARGOCD_NOTIFICATION_CONTROLLER_SELF_SERVICE_NOTIFICATION_ENABLED",
        default: "false",
    },
];
