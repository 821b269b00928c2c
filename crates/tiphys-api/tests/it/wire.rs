//! Types that no CRD shows have the fields of Argo CD's messages, under their JSON names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use tiphys_api::application::*;
use tiphys_api::applicationset::*;
use tiphys_api::cluster::*;
use tiphys_api::project::*;
use tiphys_api::repository::*;
use tiphys_api::resource_tree::*;
use tiphys_api::revision::*;

/// Names of the fields of a type in JSON.
fn fields<T: JsonSchema>() -> BTreeSet<String> {
    let schema =
        SchemaSettings::draft07().for_serialize().into_generator().into_root_schema_for::<T>().to_value();
    schema["properties"].as_object().unwrap().keys().cloned().collect()
}

/// Fields that are spelled otherwise in JSON, or that stand one level higher there: message, field, names in JSON.
const SPELLED_OTHERWISE: &[(&str, &str, &[&str])] = &[
    ("ApplicationSetApplicationStatus", "targetrevisions", &["targetRevisions"]),
    ("SourceIntegrityCheckResult", "checks", &["Checks"]),
    ("SourceIntegrityCheckResultItem", "name", &["Name"]),
    ("SourceIntegrityCheckResultItem", "problems", &["Problems"]),
    ("ResourceNode", "resourceRef", &["group", "version", "kind", "namespace", "name", "uid"]),
    ("SyncStrategyHook", "syncStrategyApply", &["force"]),
    ("KustomizeSelector", "resId", &["group", "version", "kind", "name", "namespace"]),
];

/// Fields of every object that messages carry elsewhere.
const TYPE_META: &[&str] = &["apiVersion", "kind"];

/// Names of the fields of a message in JSON.
fn expected(message: &str, fields: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for field in fields.as_object().unwrap().values() {
        let name = field.as_str().unwrap().rsplit(' ').next().unwrap();
        match SPELLED_OTHERWISE.iter().find(|(of, field, _)| *of == message && *field == name) {
            Some((_, _, json)) => names.extend(json.iter().map(|name| (*name).to_owned())),
            None => {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

macro_rules! types {
    ($($message:ident => $type:ty),+ $(,)?) => { vec![$((stringify!($message), fields::<$type>())),+] };
}

#[test]
fn each_type_has_the_fields_of_its_message() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/wire.json");
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: wire.json is not at hand");
        return;
    };
    let wire: Value = serde_json::from_str(&text).unwrap();
    let mut differences = Vec::new();
    for (message, fields) in types() {
        let name = format!("github.com.argoproj.argo_cd.v3.pkg.apis.application.v1alpha1.{message}");
        let fields: BTreeSet<_> = fields
            .into_iter()
            .filter(|name| !TYPE_META.contains(&name.as_str()) || !is_object(message))
            .collect();
        let expected = expected(message, &wire["messages"][&name]["fields"]);
        if fields != expected {
            let missing: Vec<_> = expected.difference(&fields).collect();
            let surplus: Vec<_> = fields.difference(&expected).collect();
            differences.push(format!("{message}: missing {missing:?}, should not be {surplus:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn is_object(message: &str) -> bool {
    ["Application", "AppProject", "ApplicationSet"]
        .iter()
        .any(|kind| message == *kind || message.strip_suffix("List") == Some(kind))
}

fn types() -> Vec<(&'static str, BTreeSet<String>)> {
    types! {
        Application => Application, ApplicationList => ApplicationList, ApplicationSpec => ApplicationSpec,
        ApplicationSource => ApplicationSource, ApplicationSourceHelm => ApplicationSourceHelm,
        ApplicationSourceKustomize => ApplicationSourceKustomize, KustomizeSelector => KustomizeSelector,
        KustomizePatch => KustomizePatch, ApplicationSourceDirectory => ApplicationSourceDirectory,
        ApplicationSourcePlugin => ApplicationSourcePlugin,
        ApplicationSourcePluginParameter => ApplicationSourcePluginParameter,
        ApplicationStatus => ApplicationStatus, SyncStatus => SyncStatus, ComparedTo => ComparedTo,
        AppHealthStatus => AppHealthStatus, HealthStatus => HealthStatus, ResourceStatus => ResourceStatus,
        RevisionHistory => RevisionHistory, ApplicationCondition => ApplicationCondition,
        ApplicationSummary => ApplicationSummary, Operation => Operation, SyncOperation => SyncOperation,
        SyncOperationResource => SyncOperationResource, SyncStrategyHook => SyncStrategyHook,
        OperationState => OperationState, SyncOperationResult => SyncOperationResult,
        ResourceResult => ResourceResult, SourceHydrator => SourceHydrator,
        SourceHydratorStatus => SourceHydratorStatus, HydrateOperation => HydrateOperation,
        SuccessfulHydrateOperation => SuccessfulHydrateOperation, DrySource => DrySource,
        AppProject => AppProject, AppProjectList => AppProjectList, AppProjectSpec => AppProjectSpec,
        AppProjectStatus => AppProjectStatus, ProjectRole => ProjectRole, SyncWindow => SyncWindow,
        JWTToken => JwtToken, SourceIntegrityGitPolicy => SourceIntegrityGitPolicy,
        ApplicationSet => ApplicationSet, ApplicationSetList => ApplicationSetList,
        ApplicationSetSpec => ApplicationSetSpec, ApplicationSetStatus => ApplicationSetStatus,
        ApplicationSetApplicationStatus => ApplicationSetApplicationStatus,
        ApplicationSetGenerator => ApplicationSetGenerator,
        ApplicationSetNestedGenerator => ApplicationSetNestedGenerator,
        ApplicationSetTerminalGenerator => ApplicationSetTerminalGenerator,
        NestedMatrixGenerator => NestedMatrixGenerator, NestedMergeGenerator => NestedMergeGenerator,
        Cluster => Cluster, ClusterList => ClusterList, ClusterInfo => ClusterInfo,
        ClusterCacheInfo => ClusterCacheInfo, ConnectionState => ConnectionState, ClusterConfig => ClusterConfig,
        TLSClientConfig => TlsClientConfig, AWSAuthConfig => AwsAuthConfig, ExecProviderConfig => ExecProviderConfig,
        Repository => Repository, RepositoryList => RepositoryList, RepoCreds => RepoCreds,
        RepoCredsList => RepoCredsList, RepositoryCertificate => RepositoryCertificate,
        RepositoryCertificateList => RepositoryCertificateList,
        ApplicationTree => ApplicationTree, ResourceNode => ResourceNode, ResourceRef => ResourceRef,
        InfoItem => InfoItem, ResourceNetworkingInfo => ResourceNetworkingInfo, HostInfo => HostInfo,
        HostResourceInfo => HostResourceInfo, ResourceDiff => ResourceDiff,
        RevisionMetadata => RevisionMetadata, RevisionReference => RevisionReference,
        CommitMetadata => CommitMetadata, SourceIntegrityCheckResult => SourceIntegrityCheckResult,
        SourceIntegrityCheckResultItem => SourceIntegrityCheckResultItem, ChartDetails => ChartDetails,
        OCIMetadata => OciMetadata,
    }
}
