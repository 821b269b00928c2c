//! Labels on Applications, on managed objects and on Secrets.

/// On a Secret: what it holds; see the `SECRET_TYPE_…` values.
pub const SECRET_TYPE: &str = "argocd.argoproj.io/secret-type";
/// Value of [`SECRET_TYPE`]: a cluster.
pub const SECRET_TYPE_CLUSTER: &str = "cluster";
/// Value of [`SECRET_TYPE`]: a repository.
pub const SECRET_TYPE_REPOSITORY: &str = "repository";
/// Value of [`SECRET_TYPE`]: credentials for all repositories below a URL.
pub const SECRET_TYPE_REPO_CREDS: &str = "repo-creds";
/// Value of [`SECRET_TYPE`]: a repository that the hydrator pushes to.
pub const SECRET_TYPE_REPOSITORY_WRITE: &str = "repository-write";
/// Value of [`SECRET_TYPE`]: credentials to push with, for all repositories below a URL.
pub const SECRET_TYPE_REPO_WRITE_CREDS: &str = "repo-write-creds";
/// Value of [`SECRET_TYPE`]: a token for the generators of ApplicationSets.
pub const SECRET_TYPE_SCM_CREDS: &str = "scm-creds";
/// On a managed object: name of the application, unless the settings name another label.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// The label that old installations track by; it also goes into pod templates.
pub const LEGACY_INSTANCE: &str = "applications.argoproj.io/app-name";
/// On an object of the installation: the component; on a CRD: its name.
pub const NAME: &str = "app.kubernetes.io/name";
/// On an object of the installation: what kind of component it belongs to.
pub const COMPONENT: &str = "app.kubernetes.io/component";
/// On an object of the installation; ConfigMaps and Secrets without it are not read.
pub const PART_OF: &str = "app.kubernetes.io/part-of";
/// Value of [`PART_OF`].
pub const PART_OF_ARGOCD: &str = "argocd";
/// On a cluster Secret, with the value `true`: the controller labels it with the Kubernetes version.
pub const AUTO_LABEL_CLUSTER_INFO: &str = "argocd.argoproj.io/auto-label-cluster-info";
/// On a cluster Secret: Kubernetes version of the cluster, as `vX.Y.Z`.
pub const KUBERNETES_VERSION: &str = "argocd.argoproj.io/kubernetes-version";
/// On an object that a service makes for itself, such as the Secret with its certificates.
pub const MANAGED_BY_TIPHYS: &str = "tiphys.dev/managed-by";
