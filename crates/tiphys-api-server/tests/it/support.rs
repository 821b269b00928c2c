//! A running api-server in a namespace of its own, and somebody who talks to it.

use std::path::Path;
use std::sync::{Arc, Once, OnceLock};
use std::time::Duration;

use clap::Parser as _;
use serde_json::{Value, json};
use tiphys_api_server::{Args, Config, Listeners};
use tiphys_cluster::{ApiClient, ClientOptions, ClusterConfig};
use tiphys_test_kit::{ControlPlane, shared_control_plane, wait_until};
use tiphys_wire::{InternalCertificates, InternalTls};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::siblings::Siblings;

/// Time for anything to happen on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);
const APPS: &str = "/apis/argoproj.io/v1alpha1/namespaces";

/// An api-server with everything around it. Ends when it is dropped.
pub(crate) struct Installation {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) namespace: String,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) metrics: std::net::SocketAddr,
    pub(crate) siblings: Siblings,
    client: reqwest::Client,
    token: OnceLock<String>,
    stop: CancellationToken,
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What came back over REST.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) cookies: Vec<String>,
}

async fn plane() -> &'static ControlPlane {
    static CRDS: Once = Once::new();
    tokio::task::spawn_blocking(|| {
        let plane = shared_control_plane();
        CRDS.call_once(|| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
            let crds = root.join("crds").display().to_string();
            plane.kubectl().run(&["apply", "--server-side", "-k", &crds]).unwrap();
            for kind in ["applications", "appprojects"] {
                plane.api().wait_until_served(&format!("{kind}.argoproj.io")).unwrap();
            }
        });
        plane
    })
    .await
    .unwrap()
}

impl Installation {
    /// With nothing but the default project.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[], &json!({}), &json!({})).await
    }

    /// With flags, and with the data of `argocd-cm` and `argocd-rbac-cm`.
    pub(crate) async fn start_with(flags: &[&str], settings: &Value, policy: &Value) -> Self {
        tiphys_wire::tls::install_crypto_provider();
        let plane = plane().await;
        let (namespace, settings, policy) =
            (plane.create_namespace("api").unwrap(), settings.clone(), policy.clone());
        let space = namespace.clone();
        tokio::task::spawn_blocking(move || {
            let maps = format!("/api/v1/namespaces/{space}/configmaps");
            for (name, data) in [("argocd-cm", settings), ("argocd-rbac-cm", policy)] {
                plane.api().create(&maps, &json!({"metadata": {"name": name}, "data": data})).unwrap();
            }
            let project = json!({
                "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "default"},
                "spec": {
                    "sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
                    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
                },
            });
            plane.api().create(&format!("{APPS}/{space}/appprojects"), &project).unwrap();
        })
        .await
        .unwrap();

        let tls: InternalTls = InternalCertificates::ephemeral().unwrap().into();
        let stop = CancellationToken::new();
        let siblings = Siblings::start(&tls, &stop).await;
        let words =
            ["api-server", "--namespace", &namespace, "--insecure", "--repo-server", &siblings.repo_server]
                .into_iter()
                .chain(["--controller", &siblings.controller])
                .chain(flags.iter().copied());
        let args = Args::try_parse_from(words).unwrap();
        let cluster = ClusterConfig::from_kubeconfig(Some(&plane.kubeconfig()), None).await.unwrap();
        let api = ApiClient::new(&cluster, &ClientOptions::default()).unwrap();
        let bind = || async { TcpListener::bind("127.0.0.1:0").await.unwrap() };
        let listeners = Listeners { web: bind().await, metrics: Some(bind().await) };
        let address = listeners.web.local_addr().unwrap();
        let metrics = listeners.metrics.as_ref().unwrap().local_addr().unwrap();
        let config = Config::new(&args, &namespace);
        let ending = stop.clone();
        tokio::spawn(
            async move { tiphys_api_server::run(config, api, tls, listeners, ending).await.unwrap() },
        );
        let client = reqwest::Client::builder().http1_only().build().unwrap();
        let installation =
            Self { plane, namespace, address, metrics, siblings, client, token: OnceLock::new(), stop };
        wait_until(SOON, "the api-server is ready", || async {
            let url = format!("http://{metrics}/readyz");
            let answer = installation.client.get(url).send().await.map_err(|error| error.to_string())?;
            if answer.status() == 200 { Ok(()) } else { Err(answer.text().await.unwrap_or_default()) }
        })
        .await
        .unwrap();
        installation
    }

    /// Tells the server to end.
    pub(crate) fn end(&self) {
        self.stop.cancel();
    }

    /// The password of the first sign-in.
    pub(crate) async fn password(&self) -> String {
        let path = format!("/api/v1/namespaces/{}/secrets/argocd-initial-admin-secret", self.namespace);
        let encoded = self.object(&path).await["data"]["password"].as_str().unwrap().to_owned();
        use base64::Engine as _;
        String::from_utf8(base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()).unwrap()
    }

    /// The administrator's token.
    pub(crate) async fn admin(&self) -> String {
        if let Some(token) = self.token.get() {
            return token.clone();
        }
        let token = self.sign_in("admin", &self.password().await).await;
        self.token.get_or_init(|| token).clone()
    }

    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> String {
        let credentials = json!({"username": name, "password": password});
        let answer = self.call_as(None, "POST", "/api/v1/session", Some(credentials)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["token"].as_str().unwrap().to_owned()
    }

    /// A REST call of the administrator.
    pub(crate) async fn call(&self, verb: &str, path: &str, body: Option<Value>) -> Answer {
        let token = self.admin().await;
        self.call_as(Some(&token), verb, path, body).await
    }

    /// A REST call.
    pub(crate) async fn call_as(
        &self,
        token: Option<&str>,
        verb: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let request = self.request(token, verb, path);
        let request = match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let cookies = answer.headers().get_all("set-cookie").iter();
        let cookies = cookies.map(|value| value.to_str().unwrap().to_owned()).collect();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Answer { status, body, cookies }
    }

    /// A REST call whose answer is a stream.
    pub(crate) fn request(&self, token: Option<&str>, verb: &str, path: &str) -> reqwest::RequestBuilder {
        let verb = verb.parse().unwrap();
        let request = self.client.request(verb, format!("http://{}{path}", self.address));
        let request = request.header("content-type", "application/json");
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Creates an Application as the API wants it, without checks against the repo-server.
    pub(crate) async fn create(&self, name: &str, more: &Value) -> Value {
        let mut application = application(name);
        merge(&mut application, more);
        let answer = self.call("POST", "/api/v1/applications?validate=false", Some(application)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// An object of the Kubernetes API, behind the api-server's back.
    pub(crate) async fn object(&self, path: &str) -> Value {
        let (plane, path) = (self.plane, path.to_owned());
        tokio::task::spawn_blocking(move || plane.api().get(&path).unwrap()).await.unwrap()
    }

    /// An Application as Kubernetes has it.
    pub(crate) async fn stored(&self, name: &str) -> Value {
        self.object(&format!("{APPS}/{}/applications/{name}", self.namespace)).await
    }

    /// Changes an Application behind the api-server's back, as the controller does.
    pub(crate) async fn patch_stored(&self, name: &str, patch: Value) -> Value {
        let (plane, path) = (self.plane, format!("{APPS}/{}/applications/{name}", self.namespace));
        tokio::task::spawn_blocking(move || plane.api().merge_patch(&path, &patch).unwrap()).await.unwrap()
    }

    /// Creates any object behind the api-server's back.
    pub(crate) async fn create_stored(&self, kind: &str, object: Value) -> Value {
        let base = if kind == "secrets" || kind == "configmaps" { "/api/v1/namespaces" } else { APPS };
        let (plane, path) = (self.plane, format!("{base}/{}/{kind}", self.namespace));
        tokio::task::spawn_blocking(move || plane.api().create(&path, &object).unwrap()).await.unwrap()
    }

    /// Asks until the answer is as it should be.
    pub(crate) async fn until(&self, what: &str, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let token = self.admin().await;
        let holds = Arc::new(holds);
        wait_until(SOON, what, || async {
            let answer = self.call_as(Some(&token), "GET", path, None).await;
            if answer.status == 200 && holds(&answer.body) {
                Ok(answer.body)
            } else {
                Err(format!("{answer:?}"))
            }
        })
        .await
        .unwrap()
    }
}

/// A plain Application.
pub(crate) fn application(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://git.example.com/apps.git", "path": name, "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
        },
    })
}

fn merge(target: &mut Value, more: &Value) {
    match (target, more) {
        (Value::Object(target), Value::Object(more)) => {
            for (key, value) in more {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (target, more) => *target = more.clone(),
    }
}
