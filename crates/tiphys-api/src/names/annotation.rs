//! Annotations on Applications, on managed objects and on Secrets.

/// On an Application: asks for a refresh, `normal` or `hard`. On a cluster Secret: the time at which
/// everything was asked to be read anew.
pub const REFRESH: &str = "argocd.argoproj.io/refresh";
/// When the refresh was asked for (RFC 3339 with nanoseconds); it is removed together with the request.
pub const REFRESH_TIMESTAMP: &str = "argocd.argoproj.io/refresh-timestamp";
/// On an Application: asks the source hydrator to run.
pub const HYDRATE: &str = "argocd.argoproj.io/hydrate";
/// When the hydrator was asked to run.
pub const HYDRATE_TIMESTAMP: &str = "argocd.argoproj.io/hydrate-timestamp";
/// On an ApplicationSet: asks for its applications to be generated anew.
pub const APPLICATION_SET_REFRESH: &str = "argocd.argoproj.io/application-set-refresh";
/// On an Application: paths, with `;` between, whose change matters to it.
pub const MANIFEST_GENERATE_PATHS: &str = "argocd.argoproj.io/manifest-generate-paths";
/// On an Application or cluster Secret, with the value `true`: the controller leaves it alone.
pub const SKIP_RECONCILE: &str = "argocd.argoproj.io/skip-reconcile";
/// On an Application: web address of the installation that manages it.
pub const MANAGED_BY_URL: &str = "argocd.argoproj.io/managed-by-url";
/// Prefix of annotations that hold an external link, as `address` or `title|address`.
pub const LINK_PREFIX: &str = "link.argocd.argoproj.io/";
/// On an object, with the value `true`: links that would be found by themselves are left out.
pub const IGNORE_DEFAULT_LINKS: &str = "argocd.argoproj.io/ignore-default-links";
/// On an object, with the value `true`: its health does not count for the application.
pub const IGNORE_HEALTH_CHECK: &str = "argocd.argoproj.io/ignore-healthcheck";
/// On an object, with the value `true`: rules for updates that do not matter are used although it is not
/// managed.
pub const IGNORE_RESOURCE_UPDATES: &str = "argocd.argoproj.io/ignore-resource-updates";
/// On a Pod, with the value `true`: its health does not depend on its restart policy.
pub const IGNORE_RESTART_POLICY: &str = "argocd.argoproj.io/ignore-restart-policy";
/// On an object: application and identity, by which the application knows the object as its own.
pub const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
/// On an object: installation that manages it, when installations share a cluster.
pub const INSTALLATION_ID: &str = "argocd.argoproj.io/installation-id";
/// On an object: number of the wave in which it is synced.
pub const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
/// On an object: sync options, with commas between.
pub const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
/// On an object or Application: compare options, with commas between.
pub const COMPARE_OPTIONS: &str = "argocd.argoproj.io/compare-options";
/// On an object: phases in which it runs as a hook, with commas between.
pub const HOOK: &str = "argocd.argoproj.io/hook";
/// On a hook: when it is deleted.
pub const HOOK_DELETE_POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
/// On an Application: time at which a user confirmed deletions that ask for it.
pub const DELETION_APPROVED: &str = "argocd.argoproj.io/deletion-approved";
/// On an object: field manager whose fields server-side apply takes over.
pub const CLIENT_SIDE_APPLY_MIGRATION_MANAGER: &str =
    "argocd.argoproj.io/client-side-apply-migration-manager";
/// On an object: the manifest that was last applied, as `kubectl apply` keeps it.
pub const LAST_APPLIED_CONFIGURATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// On a Secret or object made through the API: who made it; the value is `argocd.argoproj.io`.
pub const MANAGED_BY: &str = "managed-by";
/// Value of `managed-by` on what was made through the API.
pub const MANAGED_BY_ARGOCD: &str = "argocd.argoproj.io";
/// On an object of a chart: Helm hooks, with commas between.
pub const HELM_HOOK: &str = "helm.sh/hook";
/// On a Helm hook: its order, which is its sync wave.
pub const HELM_HOOK_WEIGHT: &str = "helm.sh/hook-weight";
/// On a Helm hook: when it is deleted.
pub const HELM_HOOK_DELETE_POLICY: &str = "helm.sh/hook-delete-policy";
/// On an object of a chart: `keep` for one that is never deleted.
pub const HELM_RESOURCE_POLICY: &str = "helm.sh/resource-policy";
/// On an Application: text of a notice to its users.
pub const NOTICE_CONTENT: &str = "notice.argocd.argoproj.io/content";
/// Severity of the notice: `info`, `warning` or `critical`.
pub const NOTICE_SEVERITY: &str = "notice.argocd.argoproj.io/severity";
/// Link of the notice.
pub const NOTICE_URL: &str = "notice.argocd.argoproj.io/url";
/// With the value `true`: the notice cannot be dismissed.
pub const NOTICE_PERMANENT: &str = "notice.argocd.argoproj.io/permanent";
/// Icon of the notice.
pub const NOTICE_ICON: &str = "notice.argocd.argoproj.io/icon";
/// Where the notice is shown: `banner`, `icon` or `both`.
pub const NOTICE_SCOPE: &str = "notice.argocd.argoproj.io/scope";
/// On an Application: view that its page opens with.
pub const DEFAULT_VIEW: &str = "pref.argocd.argoproj.io/default-view";
/// On an Application: how its pod view is grouped.
pub const DEFAULT_POD_SORT: &str = "pref.argocd.argoproj.io/default-pod-sort";
/// Prefix of annotations that subscribe to notifications.
pub const NOTIFICATIONS_SUBSCRIBE_PREFIX: &str = "notifications.argoproj.io/subscribe.";
/// Subscriptions to notifications, as YAML.
pub const NOTIFICATIONS_SUBSCRIPTIONS: &str = "notifications.argoproj.io/subscriptions";
/// Notifications that have been sent.
pub const NOTIFIED: &str = "notified.notifications.argoproj.io";
