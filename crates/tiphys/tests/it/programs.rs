//! The ways to start the program besides one process per service, and who may talk to a service's port.

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use reqwest::{Client, Identity};
use serde_json::{Value, json};
use tiphys_test_kit::ports::free_ports;
use tiphys_test_kit::scratch::ScratchFolder;
use tiphys_test_kit::supervise::{Program, Supervised};
use tiphys_test_kit::{Tool, Tools, shared_control_plane};

use crate::api::{ask_at, block_on, sign_in};
use crate::cli::{Home, initial_password};
use crate::fixture::{Fixture, automated, config_map, installation, is_well, text, wait};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tiphys");

fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

/// A program with what every service needs from its environment.
fn program(name: &str, path: PathBuf, folder: &ScratchFolder, namespace: &str) -> Program {
    let tools = Tools::ensure(&[Tool::Helm, Tool::Kustomize]).unwrap();
    Program::new(name, path, folder.path().join(format!("{name}.log")))
        .env("KUBECONFIG", shared_control_plane().kubeconfig())
        .env("ARGOCD_NAMESPACE", namespace)
        .env("PATH", tools.search_path(&[Tool::Helm, Tool::Kustomize]).unwrap())
        .env("TMPDIR", folder.path())
        .env("ARGOCD_RECONCILIATION_TIMEOUT", "3s")
        .env("ARGOCD_RECONCILIATION_JITTER", "1s")
}

fn wait_healthy(url: &str, process: &Supervised) {
    wait(&format!("{} is healthy", process.name()), || {
        assert!(process.ended().is_none(), "{} ended:\n{}", process.name(), process.log_tail(20));
        let answer = block_on(async { Client::new().get(url).send().await });
        match answer {
            Ok(answer) if answer.status() == 200 => Ok(()),
            Ok(answer) => Err(format!("{}\n{}", answer.status(), process.log_tail(20))),
            Err(error) => Err(format!("{error}\n{}", process.log_tail(20))),
        }
    });
}

/// An automated application in another control plane's namespace, until it is Synced and Healthy.
fn syncs(fixture: &Fixture, namespace: &str) -> Value {
    let applications = format!("/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications");
    let app = fixture.application(|app| {
        app["metadata"]["namespace"] = json!(namespace);
        app["spec"]["syncPolicy"] = automated();
    });
    fixture.api.create(&applications, &app).unwrap();
    let app = wait("the application is well", || {
        let app = fixture.api.get(&format!("{applications}/{}", fixture.name)).unwrap();
        if is_well(&app) { Ok(app) } else { Err(app["status"].to_string()) }
    });
    assert!(fixture.has("a"));
    app
}

// covers: RPC-105, CLI-107
#[test]
fn one_process_is_a_whole_installation_and_its_tokens_are_good_there_only() {
    let fixture = Fixture::new(&[("a.yaml", &config_map("a", "1"))]);
    let namespace = shared_control_plane().create_namespace("serve").unwrap();
    let folder = ScratchFolder::new("tiphys-serve").unwrap();
    let port = free_ports(1).unwrap()[0];
    let process = program("serve", PROGRAM.into(), &folder, "not-this-one")
        .args(["serve", "--insecure", "--namespace", &namespace, "--address", &local(port)])
        .start()
        .unwrap();
    let base = format!("http://{}", local(port));
    wait_healthy(&format!("{base}/healthz"), &process);
    syncs(&fixture, &namespace);

    let password = initial_password(&fixture.api, &namespace);
    let home = Home::new();
    home.log_in(&local(port), &password).ok();
    assert_eq!(home.run(&["app", "list", "-o", "name"]).ok(), format!("{namespace}/{}\n", fixture.name));
    let said = home.run(&["app", "resources", &fixture.name]).ok();
    assert!(said.contains("ConfigMap"), "{said}");

    let foreign = sign_in(&base, &password);
    let path = "/api/v1/applications";
    assert_eq!(ask_at(&base, Some(&foreign), "GET", path, &Value::Null).status, 200);
    let refused = ask_at(&installation().api_url(), Some(&foreign), "GET", path, &Value::Null);
    assert_eq!((refused.status, refused.body["code"].as_u64()), (401, Some(16)), "{refused:?}");

    process.ask_to_end();
    let ended = process.wait(Duration::from_secs(20)).expect("it ends when it is asked to");
    assert!(ended.success(), "{ended}\n{}", process.log_tail(20));
}

// covers: CFG-150
#[test]
fn under_the_references_program_names_it_is_the_references_services() {
    let fixture = Fixture::new(&[("a.yaml", &config_map("a", "1"))]);
    let namespace = shared_control_plane().create_namespace("names").unwrap();
    let folder = ScratchFolder::new("tiphys-names").unwrap();
    let ports = free_ports(6).unwrap();
    let [repo, repo_metrics, state, controller_metrics, api, api_metrics] = ports[..] else { panic!() };
    let start = |name: &str, arguments: &[&str]| {
        let link = folder.path().join(name);
        symlink(PROGRAM, &link).unwrap();
        program(name, link, &folder, &namespace).args(arguments).start().unwrap()
    };
    let port = |port: u16| port.to_string();
    let repo_server = start(
        "argocd-repo-server",
        &[
            "--address",
            "127.0.0.1",
            "--metrics-address",
            "127.0.0.1",
            "--port",
            &port(repo),
            "--metrics-port",
            &port(repo_metrics),
        ],
    );
    let controller = start(
        "argocd-application-controller",
        &[
            "--repo-server",
            &local(repo),
            "--state-address",
            &local(state),
            "--metrics-port",
            &port(controller_metrics),
        ],
    );
    let api_server = start(
        "argocd-server",
        &[
            "--repo-server",
            &local(repo),
            "--controller",
            &local(state),
            "--address",
            "127.0.0.1",
            "--port",
            &port(api),
            "--metrics-port",
            &port(api_metrics),
        ],
    );
    wait_healthy(&format!("http://{}/healthz", local(repo_metrics)), &repo_server);
    wait_healthy(&format!("http://{}/healthz", local(controller_metrics)), &controller);
    wait_healthy(&format!("http://{}/healthz", local(api_metrics)), &api_server);
    syncs(&fixture, &namespace);

    // The API server has a certificate that nobody vouches for.
    let (home, address) = (Home::new(), local(api));
    let login =
        ["login", &address, "--username", "admin", "--password", &initial_password(&fixture.api, &namespace)];
    home.run(&login).fails(20, &["certificate", "hint: repeat with --insecure"]);
    home.run(&[&login[..], &["--plaintext"]].concat())
        .fails(20, &["redirects", "hint: if the server has TLS, leave --plaintext out"]);
    home.run(&[&login[..], &["--insecure"]].concat()).ok();
    let said = home.run(&["app", "resources", &fixture.name]).ok();
    assert!(said.lines().any(|line| line.contains("ConfigMap") && line.contains(" a ")), "{said}");

    // The variable takes the place of the name.
    let command = |name: &str| {
        let output = Command::new(PROGRAM).env("ARGOCD_BINARY_NAME", name).arg("--help").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(
        command("argocd-repo-server").contains("--parallelismlimit"),
        "{}",
        command("argocd-repo-server")
    );
    assert!(command("argocd").contains("login"), "{}", command("argocd"));
}

/// What comes of a request to a port of a service.
fn knock(url: &str, identity: Option<Identity>) -> Result<u16, String> {
    block_on(async {
        let builder = Client::builder().danger_accept_invalid_certs(true).timeout(Duration::from_secs(20));
        let client = match identity {
            Some(identity) => builder.identity(identity),
            None => builder,
        };
        let request = client.build().unwrap().post(url).header("content-type", "application/grpc");
        match request.body(vec![0; 5]).send().await {
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) if error.is_timeout() => panic!("{url} neither answers nor refuses"),
            Err(error) => Err(format!("{error:?}")),
        }
    })
}

#[test]
fn the_ports_between_the_services_are_closed_to_who_has_no_certificate() {
    let installation = installation();
    let api = shared_control_plane().api();
    let secret = api.get("/api/v1/namespaces/argocd/secrets/tiphys-internal-tls").unwrap();
    let pem = |key: &str| {
        base64::engine::general_purpose::STANDARD.decode(text(&secret, &format!("/data/{key}"))).unwrap()
    };
    let own = Identity::from_pem(&[pem("tls.crt"), pem("tls.key")].concat()).unwrap();
    // Signed by nobody that the services know, for the same name.
    let stranger = rcgen::generate_simple_self_signed(vec!["tiphys.internal".to_owned()]).unwrap();
    let stranger = [stranger.cert.pem(), stranger.signing_key.serialize_pem()].concat();
    let stranger = Identity::from_pem(stranger.as_bytes()).unwrap();
    for address in [installation.repo_server_address(), installation.controller_address()] {
        let path = "/grpc.health.v1.Health/Check";
        let encrypted = format!("https://{address}{path}");
        assert!(knock(&encrypted, None).is_err(), "{address}");
        assert!(knock(&encrypted, Some(stranger.clone())).is_err(), "{address}");
        assert!(knock(&format!("http://{address}{path}"), None).is_err(), "{address}");
        assert_eq!(knock(&encrypted, Some(own.clone())), Ok(200), "{address}");
    }
}
