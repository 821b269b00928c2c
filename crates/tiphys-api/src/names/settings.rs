//! Keys of `argocd-cm`.

/// Web address of the installation.
pub const URL: &str = "url";
/// More web addresses, as a YAML list.
pub const ADDITIONAL_URLS: &str = "additionalUrls";
/// Name of the installation, when several share a cluster.
pub const INSTALLATION_ID: &str = "installationID";
/// Status badges are served.
pub const STATUS_BADGE_ENABLED: &str = "statusbadge.enabled";
/// Web address of the badges.
pub const STATUS_BADGE_URL: &str = "statusbadge.url";
/// Who is not signed in may act under the default role.
pub const USERS_ANONYMOUS_ENABLED: &str = "users.anonymous.enabled";
/// How long a session lasts.
pub const USERS_SESSION_DURATION: &str = "users.session.duration";
/// Regular expression that passwords must match.
pub const PASSWORD_PATTERN: &str = "passwordPattern";
/// The account `admin` can be used.
pub const ADMIN_ENABLED: &str = "admin.enabled";
/// Prefix of accounts: `accounts.<name>` holds capabilities, `accounts.<name>.enabled` switches it off.
pub const ACCOUNT_PREFIX: &str = "accounts.";
/// Google Analytics id.
pub const GA_TRACKING_ID: &str = "ga.trackingid";
/// Users are not told apart in Google Analytics.
pub const GA_ANONYMIZE_USERS: &str = "ga.anonymizeusers";
/// Web address of a chat.
pub const HELP_CHAT_URL: &str = "help.chatUrl";
/// Text of the link to the chat.
pub const HELP_CHAT_TEXT: &str = "help.chatText";
/// Prefix of the web addresses of the command line tool, by system.
pub const HELP_DOWNLOAD_PREFIX: &str = "help.download.";
/// Configuration of Dex.
pub const DEX_CONFIG: &str = "dex.config";
/// Connector of Dex that is used without asking.
pub const DEX_CONNECTOR_ID: &str = "dex.auth.connectorId";
/// Single sign-on by OpenID Connect.
pub const OIDC_CONFIG: &str = "oidc.config";
/// The provider's certificate is not checked.
pub const OIDC_TLS_INSECURE_SKIP_VERIFY: &str = "oidc.tls.insecure.skip.verify";
/// Label that objects are tracked by.
pub const APP_INSTANCE_LABEL_KEY: &str = "application.instanceLabelKey";
/// How objects are tracked: `annotation`, `annotation+label` or `label`.
pub const RESOURCE_TRACKING_METHOD: &str = "application.resourceTrackingMethod";
/// Node labels that are shown.
pub const ALLOWED_NODE_LABELS: &str = "application.allowedNodeLabels";
/// Links of applications.
pub const APPLICATION_LINKS: &str = "application.links";
/// Links of projects.
pub const PROJECT_LINKS: &str = "project.links";
/// Links of objects.
pub const RESOURCE_LINKS: &str = "resource.links";
/// Syncs act as a service account of the destination.
pub const IMPERSONATION_ENABLED: &str = "application.sync.impersonation.enabled";
/// A sync without such a service account is refused.
pub const IMPERSONATION_ENFORCED: &str = "application.sync.impersonation.enforced";
/// A sync to another revision needs the right to override.
pub const REQUIRE_OVERRIDE_PRIVILEGE: &str = "application.sync.requireOverridePrivilegeForRevisionSync";
/// All customisations of kinds, as one YAML map.
pub const RESOURCE_CUSTOMIZATIONS: &str = "resource.customizations";
/// Prefix of single customisations: `<type>.<group>_<kind>`.
pub const RESOURCE_CUSTOMIZATIONS_PREFIX: &str = "resource.customizations.";
/// Kinds that are not looked at, as a YAML list.
pub const RESOURCE_EXCLUSIONS: &str = "resource.exclusions";
/// Kinds that are looked at, as a YAML list; all when empty.
pub const RESOURCE_INCLUSIONS: &str = "resource.inclusions";
/// How objects are compared, as YAML.
pub const RESOURCE_COMPARE_OPTIONS: &str = "resource.compareoptions";
/// Updates that do not matter are not looked at.
pub const IGNORE_RESOURCE_UPDATES_ENABLED: &str = "resource.ignoreResourceUpdatesEnabled";
/// Annotations of Secrets whose values are hidden.
pub const SENSITIVE_MASK_ANNOTATIONS: &str = "resource.sensitive.mask.annotations";
/// Labels of objects that are shown.
pub const RESOURCE_CUSTOM_LABELS: &str = "resource.customLabels";
/// Labels of Applications that their events get.
pub const INCLUDE_EVENT_LABEL_KEYS: &str = "resource.includeEventLabelKeys";
/// Labels of Applications that their events do not get.
pub const EXCLUDE_EVENT_LABEL_KEYS: &str = "resource.excludeEventLabelKeys";
/// Kinds that the controller may not read are left out: `normal` or `strict`.
pub const RESPECT_RBAC: &str = "resource.respectRBAC";
/// Kustomize may be used.
pub const KUSTOMIZE_ENABLED: &str = "kustomize.enable";
/// Helm may be used.
pub const HELM_ENABLED: &str = "helm.enable";
/// Jsonnet may be used.
pub const JSONNET_ENABLED: &str = "jsonnet.enable";
/// Options of `kustomize build`; with `.<version>` those of one version.
pub const KUSTOMIZE_BUILD_OPTIONS: &str = "kustomize.buildOptions";
/// Prefix of the paths of Kustomize programs, by version.
pub const KUSTOMIZE_PATH_PREFIX: &str = "kustomize.path.";
/// Older name of [`KUSTOMIZE_PATH_PREFIX`].
pub const KUSTOMIZE_VERSION_PREFIX: &str = "kustomize.version.";
/// URL schemes that values files may be loaded from.
pub const HELM_VALUES_FILE_SCHEMES: &str = "helm.valuesFileSchemes";
/// Projects whose limits other projects inherit, as a YAML list.
pub const GLOBAL_PROJECTS: &str = "globalProjects";
/// How often sources are looked at.
pub const RECONCILIATION_TIMEOUT: &str = "timeout.reconciliation";
/// By how much that is spread.
pub const RECONCILIATION_JITTER: &str = "timeout.reconciliation.jitter";
/// How often sources are rendered anew.
pub const HARD_RECONCILIATION_TIMEOUT: &str = "timeout.hard.reconciliation";
/// Largest webhook, in MB.
pub const WEBHOOK_MAX_PAYLOAD_SIZE_MB: &str = "webhook.maxPayloadSizeMB";
/// By how much refreshes after a webhook are spread.
pub const WEBHOOK_REFRESH_JITTER: &str = "webhook.refresh.jitter";
/// From how many applications on they are spread.
pub const WEBHOOK_REFRESH_THRESHOLD: &str = "webhook.refresh.threshold";
/// The cluster that the services run in is a destination.
pub const IN_CLUSTER_ENABLED: &str = "cluster.inClusterEnabled";
/// Pods whose logs are shown at once.
pub const MAX_POD_LOGS_TO_RENDER: &str = "server.maxPodLogsToRender";
/// The right to change an application is not one to change its objects.
pub const DISABLE_FINE_GRAINED_INHERITANCE: &str = "server.rbac.disableApplicationFineGrainedRBACInheritance";
/// A rollback needs its own right.
pub const ROLLBACK_ENFORCE: &str = "server.rbac.rollback.enforce.enable";
/// The web terminal can be used.
pub const EXEC_ENABLED: &str = "exec.enabled";
/// Shells that the web terminal tries.
pub const EXEC_SHELLS: &str = "exec.shells";
/// Proxy extensions; with `.<name>` one of them.
pub const EXTENSION_CONFIG: &str = "extension.config";
/// Web address of a style sheet.
pub const UI_CSS_URL: &str = "ui.cssurl";
/// Text of a banner.
pub const UI_BANNER_CONTENT: &str = "ui.bannercontent";
/// Link of the banner.
pub const UI_BANNER_URL: &str = "ui.bannerurl";
/// The banner cannot be dismissed.
pub const UI_BANNER_PERMANENT: &str = "ui.bannerpermanent";
/// Where the banner is: `top`, `bottom` or `both`.
pub const UI_BANNER_POSITION: &str = "ui.bannerposition";
/// The page of all objects is switched off.
pub const UI_VIEW_RESOURCES_DISABLED: &str = "ui.view.resources.disabled";
/// Text of the button for single sign-on.
pub const UI_LOGIN_BUTTON_TEXT: &str = "ui.loginButtonText";
/// Message of hydrated commits.
pub const HYDRATOR_COMMIT_MESSAGE_TEMPLATE: &str = "sourceHydrator.commitMessageTemplate";
/// Text of the README beside hydrated manifests.
pub const HYDRATOR_README_MESSAGE_TEMPLATE: &str = "sourceHydrator.readmeMessageTemplate";
/// Author of hydrated commits.
pub const COMMIT_AUTHOR_NAME: &str = "commit.author.name";
/// Mail address of that author.
pub const COMMIT_AUTHOR_EMAIL: &str = "commit.author.email";
