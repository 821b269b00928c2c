//! The control plane: that it is a real one, how simulated workloads fare, and that nothing of it is left over.

use std::time::Duration;

use serde_json::json;
use tiphys_test_kit::{
    ControlPlane, ControlPlaneConfig, Workloads, shared_control_plane, wait_until_blocking,
};

const PATIENCE: Duration = Duration::from_secs(60);

fn pod(name: &str, restart: &str, command: &[&str]) -> serde_json::Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"restartPolicy": restart, "containers": [{"name": "c", "image": "example.org/c:1", "command": command}]},
    })
}

#[test]
fn pods_fare_as_their_commands_say() {
    let plane = shared_control_plane();
    let namespace = plane.create_namespace("fare").unwrap();
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let cases = [
        ("well", "Never", vec!["true"], "Succeeded"),
        ("well-shell", "OnFailure", vec!["sh", "-c", "echo done; exit 0"], "Succeeded"),
        ("ill", "Never", vec!["/bin/false"], "Failed"),
        ("ill-shell", "Never", vec!["sh", "-c", "exit 3"], "Failed"),
        ("on", "Never", vec!["sleep", "60"], "Running"),
        ("server", "Always", vec!["serve", "--port=80"], "Running"),
    ];
    for (name, restart, command, _) in &cases {
        plane.api().create(&pods, &pod(name, restart, command)).unwrap();
    }
    for (name, _, _, phase) in &cases {
        wait_until_blocking(PATIENCE, &format!("{name} is {phase}"), || {
            let pod = plane.api().get(&format!("{pods}/{name}")).map_err(|error| error.to_string())?;
            if pod["status"]["phase"] == *phase { Ok(()) } else { Err(pod["status"].to_string()) }
        })
        .unwrap();
    }
    let ill = plane.api().get(&format!("{pods}/ill")).unwrap();
    assert_eq!(ill["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"], 1);
}

#[test]
fn a_crashing_server_and_a_missing_image_are_never_ready() {
    let plane = shared_control_plane();
    let namespace = plane.create_namespace("unready").unwrap();
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    plane.api().create(&pods, &pod("crash", "Always", &["sh", "-c", "exit 1"])).unwrap();
    let mut missing = pod("missing", "Always", &["serve"]);
    missing["spec"]["containers"][0]["image"] = json!("example.org/c:missing");
    plane.api().create(&pods, &missing).unwrap();
    for (name, reason) in [("crash", "CrashLoopBackOff"), ("missing", "ImagePullBackOff")] {
        wait_until_blocking(PATIENCE, &format!("{name} waits with {reason}"), || {
            let pod = plane.api().get(&format!("{pods}/{name}")).map_err(|error| error.to_string())?;
            let waiting = pod.pointer("/status/containerStatuses/0/state/waiting/reason");
            if waiting.is_some_and(|waiting| waiting == reason) {
                Ok(())
            } else {
                Err(pod["status"].to_string())
            }
        })
        .unwrap();
    }
}

#[test]
fn jobs_deployments_and_load_balancers_reach_their_ends() {
    let plane = shared_control_plane();
    let namespace = plane.create_namespace("ends").unwrap();
    let kubectl = plane.kubectl();
    kubectl
        .apply(
            &namespace,
            r"
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: 'example.org/c:1', command: [sh, -c, echo migrated]}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: broken}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: 'example.org/c:1', command: [sh, -c, exit 1]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: 'example.org/c:1'}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
",
        )
        .unwrap();
    let wait = |what: &str| {
        kubectl
            .run(&[
                "wait",
                "-n",
                &namespace,
                "--timeout=60s",
                "--for",
                what.split_once(' ').unwrap().1,
                what.split_once(' ').unwrap().0,
            ])
            .unwrap();
    };
    wait("job/migrate condition=Complete");
    wait("job/broken condition=Failed");
    wait("deployment/web condition=Available");
    wait("service/web jsonpath={.status.loadBalancer.ingress[0].ip}");
}

#[test]
fn a_deleted_namespace_goes_away_with_all_in_it() {
    let plane = shared_control_plane();
    let namespace = plane.create_namespace("gone").unwrap();
    let path = format!("/api/v1/namespaces/{namespace}");
    plane
        .api()
        .create(&format!("{path}/configmaps"), &json!({"metadata": {"name": "c"}, "data": {"a": "b"}}))
        .unwrap();
    plane.api().create(&format!("{path}/pods"), &pod("p", "Always", &["serve"])).unwrap();
    plane.api().delete(&path).unwrap();
    wait_until_blocking(PATIENCE, "the namespace is gone", || match plane.api().get_optional(&path) {
        Ok(None) => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .unwrap();
}

#[test]
fn requests_are_written_to_the_audit_log() {
    let plane = shared_control_plane();
    let mark = plane.audit_mark().unwrap();
    let namespace = plane.create_namespace("audited").unwrap();
    plane.api().get(&format!("/api/v1/namespaces/{namespace}/pods")).unwrap();
    let ours = || {
        let mut requests = plane.requests_since(mark).unwrap();
        requests
            .retain(|request| request.user_agent == "tiphys-test-kit" && request.uri.contains(&namespace));
        requests
    };
    let created = plane.requests_since(mark).unwrap();
    let created =
        created.iter().find(|request| request.resource == "namespaces" && request.name == namespace);
    assert!(created.is_some_and(|request| request.is_write() && request.status == 201));
    let listed = ours();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!((listed[0].verb.as_str(), listed[0].resource.as_str()), ("list", "pods"));
    assert!(!listed[0].is_write());
}

#[test]
fn client_certificates_name_their_user() {
    let plane = shared_control_plane();
    let certified = plane.credentials().client_certificate("jason", &["crew"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("c"), folder.path().join("k"));
    std::fs::write(&certificate, certified.certificate_pem).unwrap();
    std::fs::write(&key, certified.key_pem).unwrap();
    let ca = plane.folder().join("ca.crt");
    let answer = tiphys_test_kit::Kubectl::new(plane.kubectl().program(), folder.path().join("none"))
        .run(&[
            "auth",
            "whoami",
            "-o",
            "jsonpath={.status.userInfo.username}",
            &format!("--server={}", plane.server_url()),
            &format!("--certificate-authority={}", ca.display()),
            &format!("--client-certificate={}", certificate.display()),
            &format!("--client-key={}", key.display()),
        ])
        .unwrap();
    assert_eq!(answer, "jason");
}

#[test]
fn an_api_server_of_ones_own_can_be_killed_paused_and_restarted() {
    let config = ControlPlaneConfig { workloads: Workloads::Pending, ..ControlPlaneConfig::default() };
    let plane = ControlPlane::start(config).unwrap();
    assert_ne!(plane.server_url(), shared_control_plane().server_url(), "two run side by side");
    let namespace = plane.create_namespace("kept").unwrap();
    let path = format!("/api/v1/namespaces/{namespace}");

    plane.kill_apiserver();
    assert!(plane.api().get(&path).is_err());
    plane.start_apiserver().unwrap();
    assert!(plane.api().get(&path).is_ok(), "the data survive");

    plane.restart_apiserver().unwrap();
    assert!(plane.api().get(&path).is_ok());

    plane.pause_apiserver();
    let api = plane.api().clone();
    let (sender, receiver) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || sender.send(api.get("/version").is_ok()));
    assert!(receiver.recv_timeout(Duration::from_millis(500)).is_err(), "a paused server answers nothing");
    plane.resume_apiserver();
    assert!(receiver.recv_timeout(PATIENCE).unwrap());
    reader.join().unwrap().unwrap();

    let folder = plane.folder().to_owned();
    drop(plane);
    assert!(!folder.exists(), "the temporary folder is removed");
}
