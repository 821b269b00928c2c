//! A client that nobody here wrote: gRPC's own for Python, with stubs generated from the `.proto` files. Skipped where Python
//! or its package index is out of reach.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::Installation;

const SCRIPT: &str = r#"
import json, sys
import grpc
sys.path.insert(0, sys.argv[1])
from google.protobuf import empty_pb2, json_format
from api.version import version_pb2_grpc
from api.session import session_pb2, session_pb2_grpc
from api.application import application_pb2_grpc, requests_pb2
from api.v1alpha1 import application_pb2, source_pb2

channel = grpc.insecure_channel(sys.argv[2])
said = {}
said["version"] = version_pb2_grpc.VersionServiceStub(channel).Version(empty_pb2.Empty()).Version
sessions = session_pb2_grpc.SessionServiceStub(channel)
try:
    sessions.Create(session_pb2.SessionCreateRequest(username="admin", password="wrong"))
except grpc.RpcError as error:
    said["refused"] = [error.code().name, error.details()]
token = sessions.Create(session_pb2.SessionCreateRequest(username="admin", password=sys.argv[3])).token
metadata = [("token", token)]
applications = application_pb2_grpc.ApplicationServiceStub(channel)
try:
    applications.List(requests_pb2.ApplicationQuery())
except grpc.RpcError as error:
    said["anonymous"] = [error.code().name, error.details()]
wanted = application_pb2.Application()
wanted.metadata.name = "from-python"
wanted.spec.project = "default"
wanted.spec.source.repoURL = "https://git.example.com/apps.git"
wanted.spec.source.path = "guestbook"
wanted.spec.source.helm.valuesObject.raw = b'{"replicas": 3}'
wanted.spec.destination.server = "https://kubernetes.default.svc"
wanted.spec.syncPolicy.automated.enabled = False
wanted.spec.revisionHistoryLimit = 0
created = applications.Create(requests_pb2.ApplicationCreateRequest(application=wanted), metadata=metadata)
said["created"] = [created.metadata.name, created.metadata.creationTimestamp.seconds > 1700000000]
listed = applications.List(requests_pb2.ApplicationQuery(projects=["default"]), metadata=metadata)
said["listed"] = [item.metadata.name for item in listed.items]
said["limit"] = listed.items[0].spec.HasField("revisionHistoryLimit")
watch = applications.Watch(requests_pb2.ApplicationQuery(name="from-python"), metadata=metadata, timeout=60)
first = next(watch)
said["watched"] = [first.type, first.application.metadata.name]
applications.Sync(requests_pb2.ApplicationSyncRequest(name="from-python", prune=True), metadata=metadata)
said["then"] = next(watch).application.operation.sync.prune
tree = applications.ResourceTree(requests_pb2.ResourcesQuery(applicationName="from-python"), metadata=metadata)
said["tree"] = [tree.nodes[0].resourceRef.kind, tree.nodes[0].health.status, tree.nodes[0].createdAt.seconds]
try:
    next(applications.PodLogs(requests_pb2.ApplicationPodLogsQuery(name="from-python"), metadata=metadata))
except grpc.RpcError as error:
    said["unbuilt"] = error.code().name
print(json.dumps(said))
"#;

/// A Python with gRPC, made once in the user's cache.
fn python() -> Result<PathBuf, String> {
    let folder = tiphys_test_kit::user_cache_folder().map_err(|error| error.to_string())?.join("python-grpc");
    let program = folder.join("bin/python");
    let run = |command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Err(error.to_string()),
    };
    let ready = |program: &Path| run(Command::new(program).args(["-c", "import grpc_tools.protoc"])).is_ok();
    if !ready(&program) {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        run(Command::new(&program).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "grpcio-tools",
        ]))?;
    }
    if ready(&program) { Ok(program) } else { Err("grpcio-tools does not load".to_owned()) }
}

fn generate(python: &Path, out: &Path) {
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).unwrap().join("tiphys-wire/proto");
    let mut files = Vec::new();
    let mut folders = vec![protos.join("api"), protos.join("tiphys/wire")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let output = Command::new(python)
        .args(["-m", "grpc_tools.protoc", "-I"])
        .arg(&protos)
        .arg(format!("--python_out={}", out.display()))
        .arg(format!("--grpc_python_out={}", out.display()))
        .args(files)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn pythons_grpc_client_signs_in_creates_lists_watches_and_syncs() {
    let python = match tokio::task::spawn_blocking(python).await.unwrap() {
        Ok(python) => python,
        Err(reason) => {
            eprintln!("skipped: no Python with grpcio-tools: {reason}");
            return;
        }
    };
    let installation = Installation::start().await;
    let password = installation.password().await;
    let address = installation.address.to_string();
    let output = tokio::task::spawn_blocking(move || {
        let out = tiphys_test_kit::scratch::ScratchFolder::new("python-stubs").unwrap();
        generate(&python, out.path());
        Command::new(python).args(["-c", SCRIPT]).arg(out.path()).args([address, password]).output().unwrap()
    })
    .await
    .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(said["version"].as_str().unwrap().starts_with("v3.6.0+"), "{said}");
    assert_eq!(said["refused"], json!(["UNAUTHENTICATED", "Invalid username or password"]));
    assert_eq!(said["anonymous"], json!(["UNAUTHENTICATED", "no session information"]));
    assert_eq!(said["created"], json!(["from-python", true]));
    assert_eq!(said["listed"], json!(["from-python"]));
    assert_eq!(said["limit"], true, "an explicit zero survived the way there and back");
    assert_eq!(said["watched"], json!(["ADDED", "from-python"]));
    assert_eq!(said["then"], true);
    assert_eq!(said["tree"], json!(["Deployment", "Healthy", 1_767_323_045]));
    assert_eq!(said["unbuilt"], "UNIMPLEMENTED");
    let stored = installation.stored("from-python").await;
    assert_eq!(stored["spec"]["source"]["helm"]["valuesObject"], json!({"replicas": 3}));
    assert_eq!(stored["spec"]["syncPolicy"]["automated"], json!({"enabled": false}));
    assert_eq!(stored["spec"]["source"].get("chart"), None, "what the client left empty is not stored");
}
