//! The command line as a user runs it: the real program, with a home of its own, against the running API server and
//! with `--core` against the cluster alone.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use base64::Engine;
use serde_json::{Value, json};
use tiphys_test_kit::scratch::ScratchFolder;
use tiphys_test_kit::{KubeApi, shared_control_plane};

use crate::fixture::{
    CONTROL_NAMESPACE, Fixture, IN_CLUSTER, automated, config_map, installation, is_well, text, wait,
};

/// What a run of the program left.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Ran {
    /// Standard output of a run that went well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self.out
    }

    /// A run that failed with this code, whose error has all these words.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in: {}", self.err);
        }
        self
    }
}

/// A user's home folder, and how that user reaches the installation.
pub(crate) struct Home {
    folder: ScratchFolder,
    options: Vec<String>,
}

impl Home {
    /// A home in which nobody ever logged in.
    pub(crate) fn new() -> Self {
        Self { folder: ScratchFolder::new("tiphys-home").unwrap(), options: Vec::new() }
    }

    /// A home of a user who talks to the cluster itself.
    fn core() -> Self {
        let kubeconfig = shared_control_plane().kubeconfig().display().to_string();
        let options = ["--core", "--kubeconfig", &kubeconfig, "--control-plane-namespace", CONTROL_NAMESPACE];
        Self { options: options.map(str::to_owned).to_vec(), ..Self::new() }
    }

    /// A home in which the administrator is logged in.
    fn logged_in() -> &'static Self {
        static HOME: OnceLock<Home> = OnceLock::new();
        HOME.get_or_init(|| {
            let home = Self::new();
            home.log_in(&address(), &initial_password(shared_control_plane().api(), CONTROL_NAMESPACE)).ok();
            home
        })
    }

    /// Logs the administrator in.
    pub(crate) fn log_in(&self, address: &str, password: &str) -> Ran {
        self.run(&["login", address, "--plaintext", "--username", "admin", "--password", password])
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tiphys"));
        // Nothing of the user who runs the tests.
        command.env_clear().env("HOME", self.folder.path()).env("PATH", "/usr/bin:/bin");
        command.args(arguments).args(&self.options).stdin(Stdio::null());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join(".config/argocd/config")
    }
}

/// Address of the API server.
fn address() -> String {
    installation().api_url().trim_start_matches("http://").to_owned()
}

/// The password that an installation made for its administrator.
pub(crate) fn initial_password(api: &KubeApi, namespace: &str) -> String {
    let path = format!("/api/v1/namespaces/{namespace}/secrets/argocd-initial-admin-secret");
    let encoded = wait("the initial password is there", || {
        let secret = api.get(&path).map_err(|error| error.to_string())?;
        Ok(text(&secret, "/data/password").to_owned())
    });
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()).unwrap()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The words of the row that starts with this word.
#[track_caller]
fn row<'a>(table: &'a str, first: &str) -> Vec<&'a str> {
    let found = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let found = found.into_iter().find(|words| words.first() == Some(&first));
    found.unwrap_or_else(|| panic!("no row of {first} in:\n{table}"))
}

fn secret(value: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: hidden\nstringData:\n  password: {value}\n")
}

// covers: CLI-101, CLI-107, CLI-108, CLI-170, USR-002, USR-014, USR-015
#[test]
fn who_logs_in_is_remembered_until_the_logout() {
    let _running = installation();
    let (home, address) = (Home::new(), address());
    home.run(&["app", "list"]).fails(20, &["Argo CD server address unspecified", "hint: log in with"]);
    home.log_in(&address, "not-the-password").fails(
        20,
        &["Invalid username or password", "hint: the initial password of `admin` is in the Secret"],
    );
    assert!(!home.config().exists());

    let password = initial_password(shared_control_plane().api(), CONTROL_NAMESPACE);
    let said = home.log_in(&address, &password).ok();
    assert_eq!(said, format!("'admin:login' logged in successfully\nContext '{address}' updated\n"));
    let config = std::fs::read_to_string(home.config()).unwrap();
    assert!(config.contains("auth-token: ey") && !config.contains(&password), "{config}");
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(home.config()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(row(&home.run(&["context"]).ok(), "*"), ["*", &address, &address]);
    let version = parsed(&home.run(&["version", "-o", "json"]).ok());
    assert!(text(&version, "/server/Version").starts_with('v'), "{version}");
    assert_eq!(version["server"]["Compiler"], "rustc", "the server knows who asks");
    home.run(&["app", "list"]).ok();

    let token = config.split_once("auth-token: ").unwrap().1.split_whitespace().next().unwrap();
    assert_eq!(home.run(&["logout", &address]).ok(), format!("Logged out from '{address}'\n"));
    home.run(&["app", "list"])
        .fails(20, &["no session information", &format!("hint: log in again: login {address}")]);
    // The token is void, not only forgotten.
    let flags = ["app", "list", "--server", &address, "--plaintext", "--auth-token", token];
    home.run(&flags).fails(20, &["token is revoked, please re-login"]);
}

// covers: CLI-060, CLI-062, CLI-063, CLI-066, CLI-067, CLI-068, CLI-070, CLI-074, CLI-075, CLI-077, CLI-080
#[test]
fn an_application_lives_from_create_to_delete_by_the_command_line() {
    let fixture = Fixture::new(&[("a.yaml", &config_map("a", "one")), ("s.yaml", &secret("canary-1"))]);
    life(&fixture, Home::logged_in());
}

// covers: CLI-060, CLI-062, CLI-066, CLI-067, CLI-068, CLI-074, CLI-075, CLI-077, CLI-080
#[test]
fn an_application_lives_from_create_to_delete_without_an_api_server() {
    let fixture = Fixture::new(&[("a.yaml", &config_map("a", "one")), ("s.yaml", &secret("canary-1"))]);
    life(&fixture, &Home::core());
}

fn life(fixture: &Fixture, home: &Home) {
    let name = fixture.name.as_str();
    let is_core = !home.options.is_empty();
    let first = fixture.repo.head().unwrap();
    created_and_shown(fixture, home);
    if is_core {
        home.run(&["app", "diff", name]).fails(2, &["--core"]);
        home.run(&["app", "manifests", name]).fails(20, &["--core"]);
    } else {
        let differs = home.run(&["app", "diff", name]);
        assert_eq!(differs.code, 1, "{differs:?}");
        assert!(differs.out.contains(&format!("===== /ConfigMap {name}/a ======")), "{}", differs.out);
        assert!(!differs.out.contains("canary-1"), "{}", differs.out);
        home.run(&["app", "diff", name, "--exit-code=false"]).ok();
        assert_eq!(home.run(&["app", "diff", name, "--diff-exit-code", "7"]).code, 7);
    }

    let said = home.run(&["app", "sync", name, "--timeout", "90"]).ok();
    // A sync that has ended before the first look has no progress to show.
    let (_, end) = said.split_once("\nName: ").unwrap();
    assert!(end.contains("configmap/a created") && end.contains("secret/hidden created"), "{said}");
    for words in ["Phase:              Succeeded", "successfully synced (all tasks run)", &first] {
        assert!(said.contains(words), "{words} is not in: {said}");
    }
    let said = home.run(&["app", "wait", name, "--timeout", "90"]).ok();
    assert!(said.contains("Sync Status:        Synced") && said.contains("Healthy"), "{said}");
    if !is_core {
        assert_eq!(home.run(&["app", "diff", name]).ok(), "");
        for source in ["git", "live"] {
            let manifests = home.run(&["app", "manifests", name, "--source", source]).ok();
            assert!(manifests.starts_with("---\n") && manifests.contains("value: one"), "{manifests}");
            assert_eq!(manifests.matches("\nkind: ").count(), 2, "{manifests}");
            assert!(!manifests.contains("canary-1"), "{manifests}");
            let encoded = base64::engine::general_purpose::STANDARD.encode("canary-1");
            assert!(!manifests.contains(&encoded), "{manifests}");
        }
    }
    let resources = home.run(&["app", "resources", name]).ok();
    assert!(resources.contains("ConfigMap") && resources.contains("Secret"), "{resources}");

    rolled_back(fixture, home, &first);
    let said = home.run(&["app", "delete", name, "--yes", "--wait"]).ok();
    assert_eq!(said, format!("application '{name}' deleted\n"));
    assert!(fixture.api.get_optional(&fixture.path()).unwrap().is_none());
    assert!(!fixture.has("a"), "the objects went with the application");
}

/// The commands before anything is synced.
fn created_and_shown(fixture: &Fixture, home: &Home) {
    let name = fixture.name.as_str();
    let label = format!("fixture={name}");
    let url = fixture.repo.url();
    let create = [
        "app",
        "create",
        name,
        "--repo",
        &url,
        "--path",
        "app",
        "--dest-server",
        IN_CLUSTER,
        "--dest-namespace",
        name,
        "-l",
        &label,
        "--set-finalizer",
    ];
    assert_eq!(home.run(&create).ok(), format!("application '{name}' created\n"));
    assert_eq!(home.run(&create).ok(), format!("application '{name}' unchanged\n"));
    let other = [&create[..], &["--revision", "main"]].concat();
    home.run(&other).fails(20, &["existing application spec is different"]);
    let upsert = [&other[..], &["--upsert"]].concat();
    assert_eq!(home.run(&upsert).ok(), format!("application '{name}' updated\n"));
    fixture.wait("it was compared", |app| text(app, "/status/sync/status") == "OutOfSync");

    let app = parsed(&home.run(&["app", "get", name, "-o", "json", "--refresh"]).ok());
    assert_eq!(text(&app, "/metadata/name"), name);
    assert_eq!(text(&app, "/spec/source/targetRevision"), "main");
    let yaml = home.run(&["app", "get", name, "-o", "yaml"]).ok();
    assert!(yaml.contains(&format!("\n  name: {name}\n")), "{yaml}");
    let wide = home.run(&["app", "get", name]).ok();
    assert!(wide.contains(&format!("Name:               argocd/{name}\n")), "{wide}");
    assert!(wide.contains("Sync Status:        OutOfSync from main"), "{wide}");
    assert_eq!(row(&wide, "ConfigMap")[..3], ["ConfigMap", name, "a"], "{wide}");
    let tree = home.run(&["app", "get", name, "-o", "tree"]).ok();
    assert!(tree.contains("ConfigMap/a"), "{tree}");

    let list = |format: &str| home.run(&["app", "list", "-l", &label, "-o", format]).ok();
    assert_eq!(list("name"), format!("argocd/{name}\n"));
    let apps = parsed(&list("json"));
    assert_eq!(apps.as_array().unwrap().len(), 1);
    assert_eq!(text(&apps, "/0/metadata/name"), name);
    assert!(list("yaml").starts_with("- "), "{}", list("yaml"));
    let qualified = format!("argocd/{name}");
    let (table, missing) = (list("wide"), ["OutOfSync", "Missing", "Manual", "<none>"]);
    let wanted =
        [&[qualified.as_str(), IN_CLUSTER, name, "default"], &missing[..], &[&url, "app", "main"]].concat();
    assert_eq!(row(&table, &qualified), wanted);
    let named = home.run(&["app", "list", "-r", &url, "-o", "name"]).ok();
    assert_eq!(named, format!("argocd/{name}\n"));
    home.run(&["app", "list", "-o", "nonsense"])
        .fails(20, &["unknown output format: nonsense", "hint: one of:"]);
}

/// A second revision, and the way back from it.
fn rolled_back(fixture: &Fixture, home: &Home, first: &str) {
    let name = fixture.name.as_str();
    let is_core = !home.options.is_empty();
    let value = || text(&fixture.api.get(&fixture.config_map("a")).unwrap(), "/data/value").to_owned();
    home.run(&["app", "rollback", name]).fails(20, &["should have at least two successful deployments"]);
    let second = fixture.commit(&[("a.yaml", &config_map("a", "two")), ("b.yaml", &config_map("b", "1"))]);
    if !is_core {
        let differs = home.run(&["app", "diff", name, "--refresh"]);
        assert_eq!(differs.code, 1, "{differs:?}");
        for words in ["\n-  value: one\n+  value: two\n", &format!("===== /ConfigMap {name}/b ======")] {
            assert!(differs.out.contains(words), "{}", differs.out);
        }
        let same = home.run(&["app", "diff", name, "--revision", first]);
        assert_eq!((same.code, &*same.out), (0, ""), "{same:?}");
    }
    let said = home.run(&["app", "sync", name, "-o", "json", "--timeout", "90"]).ok();
    assert_eq!(text(&parsed(&said), "/status/operationState/syncResult/revision"), second);
    assert_eq!(value(), "two");

    let ids = home.run(&["app", "history", name, "-o", "id"]).ok();
    assert_eq!(ids, "0\n1\n");
    let history = home.run(&["app", "history", name]).ok();
    assert!(history.contains(&format!("main ({})", &first[..7])), "{history}");
    assert!(history.contains(&format!("main ({})", &second[..7])), "{history}");

    home.run(&["app", "rollback", name, "9"])
        .fails(20, &["does not have deployment id '9' in history", "hint: "]);
    let said = home.run(&["app", "rollback", name, "--prune", "--timeout", "90"]).ok();
    assert!(said.contains("Succeeded") && said.contains(first), "{said}");
    assert_eq!(value(), "one");
    assert!(!fixture.has("b"), "what the first revision did not have is pruned");
    home.run(&["app", "rollback", name, "1", "--timeout", "90"]).ok();
    assert_eq!(value(), "two");
    assert_eq!(home.run(&["app", "history", name, "-o", "id"]).ok(), "0\n1\n2\n3\n");
}

// covers: CLI-075, SYN-066
#[test]
fn a_rollback_is_refused_while_the_application_is_synced_automatically() {
    let fixture = Fixture::new(&[("a.yaml", &config_map("a", "one"))]);
    fixture.create_automated();
    fixture.wait_well();
    let commit = fixture.commit(&[("a.yaml", &config_map("a", "two"))]);
    fixture.wait_well_at(&commit);
    for home in [Home::logged_in(), &Home::core()] {
        home.run(&["app", "rollback", &fixture.name])
            .fails(20, &["rollback cannot be initiated when auto-sync is enabled"]);
    }
    assert_eq!(fixture.get()["spec"]["syncPolicy"], automated());
    assert!(is_well(&fixture.get()));
}

#[test]
fn an_application_that_is_not_there_is_told_with_a_hint() {
    let _running = installation();
    let missing = "there-is-no-such-application";
    let api = ["hint: either it is not permitted, or there is nothing of that name"];
    let core = ["not found", "hint: looked in namespace argocd"];
    for (home, words) in [(Home::logged_in(), &api[..]), (&Home::core(), &core[..])] {
        for command in ["get", "sync", "wait", "history", "rollback", "delete", "resources", "terminate-op"] {
            let ran = home.run(&["app", command, missing]);
            assert_eq!(ran.out, "", "{command}");
            ran.fails(20, words);
        }
    }
    let home = Home::logged_in();
    home.run(&["app", "manifests", missing]).fails(20, &api);
    // The code of a difference is 1: an error must not look like one.
    home.run(&["app", "diff", missing]).fails(2, &api);
    let _usage = home.run(&["app", "get"]).fails(1, &["<APP>"]);
}

// covers: CLI-077, CLI-078, SYN-021, SYN-026
#[test]
fn a_sync_that_hangs_is_terminated_and_the_waiting_command_fails() {
    let annotations = json!({"argocd.argoproj.io/hook": "PreSync"});
    let hook = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "endless", "annotations": annotations},
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "registry.example/tool:1", "command": ["sleep"]}],
        }}},
    });
    for home in [Home::logged_in(), &Home::core()] {
        let fixture = Fixture::new(&[("hook.yaml", &hook.to_string()), ("a.yaml", &config_map("a", "1"))]);
        fixture.create(|_| {});
        let name = fixture.name.as_str();
        home.run(&["app", "terminate-op", name]).fails(20, &["Unable to terminate operation"]);
        let mut sync = home.command(&["app", "sync", name, "--timeout", "90"]);
        let sync = sync.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        fixture.wait("the hook runs", |app| {
            text(app, "/status/operationState/phase") == "Running"
                && text(app, "/status/operationState/syncResult/resources/0/hookPhase") == "Running"
        });
        home.run(&["app", "sync", name]).fails(20, &["another operation is already in progress"]);
        let late = home.run(&["app", "wait", name, "--operation", "--timeout", "1"]);
        assert!(late.out.contains("This is the state of the app after wait timed out"), "{}", late.out);
        late.fails(20, &["timed out (1s) waiting for app", "hint: the operation says: "]);
        let said = home.run(&["app", "terminate-op", name]).ok();
        assert_eq!(said, format!("Application '{name}' operation terminating\n"));
        let ended: Ran = sync.wait_with_output().unwrap().into();
        let told = ended.out.split_once("\nName: ").unwrap().0;
        let head: Vec<&str> = told.lines().next().unwrap_or_default().split_whitespace().collect();
        let heads =
            ["TIMESTAMP", "GROUP", "KIND", "NAMESPACE", "NAME", "STATUS", "HEALTH", "HOOK", "MESSAGE"];
        assert_eq!(head, heads, "{told}");
        let is_progress =
            |line: &str| line.contains("endless") && line.contains("Running") && line.contains("PreSync");
        assert!(told.lines().any(is_progress), "{}", ended.out);
        ended.fails(1, &["Operation has completed with phase: Failed", "hint: Operation terminated"]);
        assert!(!fixture.has("a"));
    }
}

// covers: CLI-077
#[test]
fn a_sync_that_leaves_something_to_be_pruned_fails_and_names_the_flag() {
    let fixture = Fixture::new(&[("a.yaml", &config_map("a", "1")), ("b.yaml", &config_map("b", "1"))]);
    fixture.create(|_| {});
    let (home, name) = (Home::logged_in(), fixture.name.as_str());
    home.run(&["app", "sync", name, "--timeout", "90"]).ok();
    fixture.commit_without("b.yaml");
    let dry = home.run(&["app", "sync", name, "--prune", "--dry-run", "--timeout", "90"]).ok();
    assert!(dry.contains("pruned (dry run)"), "{dry}");
    assert!(fixture.has("b"));
    home.run(&["app", "sync", name, "--timeout", "90"])
        .fails(1, &["1 resources require pruning", "hint: repeat with --prune"]);
    assert!(fixture.has("b"));
    home.run(&["app", "sync", name, "--prune", "--timeout", "90"]).ok();
    assert!(!fixture.has("b"));
    // Deleted without its objects.
    home.run(&["app", "delete", name, "--cascade=false", "--yes", "--wait"]).ok();
    fixture.wait_gone();
    assert!(fixture.has("a"));
}

// covers: CLI-077, CLI-080
#[test]
fn a_sync_takes_the_applications_and_the_objects_that_are_picked() {
    let labelled = config_map("b", "1").replace("metadata:\n", "metadata:\n  labels: {tier: back}\n");
    let files =
        [("a.yaml", &*config_map("a", "1")), ("b.yaml", &*labelled), ("c.yaml", &*config_map("c", "1"))];
    let fixture = Fixture::new(&files);
    let (home, name) = (Home::logged_in(), fixture.name.as_str());
    fixture.create(|app| app["metadata"]["labels"] = json!({"fixture": name}));
    fixture.wait("it was compared", |app| text(app, "/status/sync/status") == "OutOfSync");
    let has = || ["a", "b", "c"].map(|object| fixture.has(object));
    home.run(&["app", "sync", name, "--resource", ":ConfigMap:nobody"])
        .fails(1, &["No matching app resources found for resource filter: :ConfigMap:nobody"]);
    home.run(&["app", "sync", name, "--resource", ":ConfigMap:a", "--timeout", "90"]).ok();
    assert_eq!(has(), [true, false, false]);
    home.run(&["app", "sync", name, "--label", "tier=back", "--timeout", "90"]).ok();
    assert_eq!(has(), [true, true, false]);
    home.run(&["app", "wait", name, "--sync", "--resource", ":ConfigMap:b", "--timeout", "90"]).ok();
    let selector = format!("fixture={name}");
    let preview = home.run(&["app", "sync", name, "--preview-changes", "--async"]).ok();
    assert!(preview.contains(&format!("===== /ConfigMap {name}/c ======")), "{preview}");
    assert_eq!(has(), [true, true, false], "nobody said yes");
    home.run(&["app", "sync", "-l", &selector, "--info", "why=because", "--timeout", "90"]).ok();
    assert_eq!(has(), [true, true, true]);
    let info = &fixture.get()["status"]["operationState"]["operation"]["info"];
    assert_eq!(*info, json!([{"name": "why", "value": "because"}]));
    let said = home.run(&["app", "wait", "-l", &selector, "--timeout", "90"]).ok();
    assert!(said.contains("Sync Status:        Synced"), "{said}");
    home.run(&["app", "sync", "-l", "fixture=nobody"]).fails(1, &["No matching apps found"]);
}
