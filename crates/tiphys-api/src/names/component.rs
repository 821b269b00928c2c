//! Names and ports of the services.

/// Deployment, Service and program of the API server.
pub const API_SERVER: &str = "argocd-server";
/// Deployment, Service and program of the repo-server.
pub const REPO_SERVER: &str = "argocd-repo-server";
/// StatefulSet and program of the application controller.
pub const APPLICATION_CONTROLLER: &str = "argocd-application-controller";
/// Deployment and program of the ApplicationSet controller.
pub const APPLICATION_SET_CONTROLLER: &str = "argocd-applicationset-controller";
/// Deployment and program of the notifications controller.
pub const NOTIFICATIONS_CONTROLLER: &str = "argocd-notifications-controller";
/// Deployment and program of the commit server.
pub const COMMIT_SERVER: &str = "argocd-commit-server";
/// Deployment of Dex.
pub const DEX_SERVER: &str = "argocd-dex-server";
/// Field manager of server-side apply.
pub const FIELD_MANAGER: &str = "argocd-controller";
/// Namespace of an installation that does not say otherwise.
pub const CONTROL_NAMESPACE: &str = "argocd";
/// API, UI and gRPC of the API server.
pub const API_SERVER_PORT: u16 = 8080;
/// Metrics of the API server.
pub const API_SERVER_METRICS_PORT: u16 = 8083;
/// gRPC of the repo-server.
pub const REPO_SERVER_PORT: u16 = 8081;
/// Metrics and probes of the repo-server.
pub const REPO_SERVER_METRICS_PORT: u16 = 8084;
/// Metrics and probes of the application controller.
pub const APPLICATION_CONTROLLER_METRICS_PORT: u16 = 8082;
