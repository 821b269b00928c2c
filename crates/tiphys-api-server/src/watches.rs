//! Watches settings, projects and Applications into the server's memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use parking_lot::Mutex;
use rustls::ServerConfig;
use serde_json::Value;
use tiphys_api::names::{config_map, label, secret};
use tiphys_cluster::{ObjectEvent, ResourceType};
use tiphys_rbac::Enforcer;
use tiphys_settings::{Settings, SettingsObjects};
use tiphys_wire::tls::{PrivateKeyPem, WebCertificate, web_server_config};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::applications::From;
use crate::server::Shared;

/// Watches everything until `shutdown`. Returns once settings are known, with what the web listener shows as its
/// certificate from now on (`None` while the settings hold none).
pub(crate) async fn start(
    server: &Shared,
    shutdown: &CancellationToken,
) -> watch::Receiver<Option<Arc<ServerConfig>>> {
    let (certificate, shown) = watch::channel(None);
    let watcher = Arc::new(SettingsWatcher {
        server: server.clone(),
        known: Mutex::new(Known::default()),
        certificate,
    });
    let mut first = Vec::new();
    for resource in [ResourceType::config_maps(), ResourceType::secrets()] {
        let (seen, was_seen) = oneshot::channel();
        first.push(was_seen);
        tokio::spawn(watcher.clone().run(resource, seen, shutdown.clone()));
    }
    for seen in first {
        let _ended_early = seen.await;
    }
    watcher.apply();
    tokio::spawn(watch_projects(server.clone(), shutdown.clone()));
    tokio::spawn(watch_applications(server.clone(), shutdown.clone()));
    shown
}

/// Objects of the settings, and the Secret with the web certificate, which the settings do not read.
#[derive(Default)]
struct Known {
    objects: SettingsObjects,
    web: Option<BTreeMap<String, String>>,
}

struct SettingsWatcher {
    server: Shared,
    known: Mutex<Known>,
    certificate: watch::Sender<Option<Arc<ServerConfig>>>,
}

impl SettingsWatcher {
    async fn run(
        self: Arc<Self>,
        resource: ResourceType,
        seen: oneshot::Sender<()>,
        shutdown: CancellationToken,
    ) {
        let is_secret = resource.kind == "Secret";
        let mut watch = self.server.api.watch_objects(&resource, &self.server.config.namespace, "");
        let mut seen = Some(seen);
        loop {
            let event = tokio::select! {
                () = shutdown.cancelled() => return,
                event = watch.next() => event,
            };
            let Some(event) = event else { return };
            let listed = matches!(event, ObjectEvent::Listed(_));
            let changed = self.take(is_secret, event);
            if changed && seen.is_none() {
                self.apply();
            }
            if listed && let Some(seen) = seen.take() {
                let _nobody_waits = seen.send(());
            }
        }
    }

    fn take(&self, is_secret: bool, event: ObjectEvent) -> bool {
        let mut known = self.known.lock();
        match event {
            ObjectEvent::Listed(list) => {
                let names: Vec<&str> = list.iter().filter_map(name).collect();
                let before: Vec<String> = if is_secret {
                    known.objects.secret_names().map(str::to_owned).collect()
                } else {
                    known.objects.config_map_names().map(str::to_owned).collect()
                };
                let mut changed = false;
                for gone in before.iter().filter(|name| !names.contains(&name.as_str())) {
                    changed |= known.remove(is_secret, gone);
                }
                if is_secret && known.web.is_some() && !names.contains(&secret::SERVER_TLS) {
                    changed |= known.remove(true, secret::SERVER_TLS);
                }
                for object in &list {
                    changed |= known.put(is_secret, object);
                }
                changed
            }
            ObjectEvent::Applied(object) => known.put(is_secret, &object),
            ObjectEvent::Deleted(object) => name(&object).is_some_and(|name| known.remove(is_secret, name)),
            ObjectEvent::Interrupted(reason) => {
                tracing::warn!(reason, "settings are not watched");
                false
            }
            ObjectEvent::Resumed => false,
        }
    }

    /// Parses what is known and lets everybody use it.
    fn apply(&self) {
        let known = self.known.lock();
        let (settings, problems) = known.objects.parse();
        for problem in &problems {
            tracing::warn!(problem = %problem, "a setting could not be used");
        }
        match Enforcer::compile(&settings.rbac) {
            Ok(enforcer) => {
                let mode = enforcer.match_mode();
                self.server.enforcer.store(Arc::new(enforcer));
                self.server.projects.recompile(mode);
            }
            // The last good policy stays: a typing error must neither lock everybody out nor let anybody in.
            Err(error) => tracing::error!(error = %error, "the policy of {} can't be used", config_map::RBAC),
        }
        match web_certificate(known.web.as_ref(), &settings) {
            None => {}
            Some(web) => match web_server_config(&web) {
                Ok(config) => {
                    self.certificate.send_replace(Some(config));
                }
                Err(error) => tracing::error!(error = %error, "the web certificate can't be used"),
            },
        }
        self.server.settings.store(Arc::new(settings));
    }
}

impl Known {
    fn put(&mut self, is_secret: bool, object: &Value) -> bool {
        let Some(name) = name(object) else { return false };
        if !is_secret {
            return name.starts_with("argocd-") && self.objects.put_config_map(object);
        }
        if name == secret::SERVER_TLS {
            let web = Some(texts(object));
            let changed = self.web != web;
            self.web = web;
            return changed;
        }
        // A control plane's namespace may hold any number of Secrets that are nobody's business here.
        let typed =
            object.pointer("/metadata/labels").is_some_and(|labels| labels.get(label::SECRET_TYPE).is_some());
        (typed || name == secret::SETTINGS) && self.objects.put_secret(object)
    }

    fn remove(&mut self, is_secret: bool, name: &str) -> bool {
        if is_secret && name == secret::SERVER_TLS {
            return self.web.take().is_some();
        }
        if is_secret { self.objects.remove_secret(name) } else { self.objects.remove_config_map(name) }
    }
}

/// The certificate for users: that of `argocd-server-tls`, or else that of `argocd-secret`.
fn web_certificate(web: Option<&BTreeMap<String, String>>, settings: &Settings) -> Option<WebCertificate> {
    let own = |key: &str| {
        let bytes = settings.secrets.get(key)?;
        std::str::from_utf8(bytes.expose()).ok().map(str::to_owned)
    };
    let of = |pick: &dyn Fn(&str) -> Option<String>| {
        let certificate = pick(secret::TLS_CERT).filter(|text| !text.is_empty())?;
        let key = pick(secret::TLS_KEY).filter(|text| !text.is_empty())?;
        Some(WebCertificate { certificate, key: PrivateKeyPem::new(key) })
    };
    web.and_then(|data| of(&|key| data.get(key).cloned())).or_else(|| of(&own))
}

/// A certificate signed by itself, kept in `argocd-secret` so that every replica shows the same one and clients that
/// remember it are not alarmed by a restart.
pub(crate) async fn generate_certificate(
    server: &Shared,
) -> Result<Arc<ServerConfig>, tiphys_wire::tls::TlsError> {
    let namespace = &server.config.namespace;
    let web = WebCertificate::self_signed(namespace, SystemTime::now())?;
    let data = BTreeMap::from([
        (secret::TLS_CERT.to_owned(), web.certificate.clone().into_bytes()),
        (secret::TLS_KEY.to_owned(), web.key.expose().as_bytes().to_vec()),
    ]);
    if let Err(error) = server.api.update_secret(namespace, secret::SETTINGS, &data).await {
        tracing::warn!(error = %error, "the generated web certificate is not kept");
    }
    web_server_config(&web)
}

fn texts(secret: &Value) -> BTreeMap<String, String> {
    let data = secret.get("data").and_then(Value::as_object).into_iter().flatten();
    data.filter_map(|(key, value)| {
        let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_str()?).ok()?;
        Some((key.clone(), String::from_utf8(bytes).ok()?))
    })
    .collect()
}

fn name(object: &Value) -> Option<&str> {
    object.pointer("/metadata/name").and_then(Value::as_str)
}

async fn watch_projects(server: Shared, shutdown: CancellationToken) {
    let mut watch = server.api.watch_objects(&ResourceType::app_projects(), &server.config.namespace, "");
    loop {
        let event = tokio::select! {
            () = shutdown.cancelled() => return,
            event = watch.next() => event,
        };
        let mode = server.enforcer.load().match_mode();
        match event {
            None => return,
            Some(ObjectEvent::Listed(list)) => server.projects.reset(&list, mode),
            Some(ObjectEvent::Applied(object)) => server.projects.put(&object, mode),
            Some(ObjectEvent::Deleted(object)) => {
                if let Some(name) = name(&object) {
                    server.projects.remove(name);
                }
            }
            Some(ObjectEvent::Interrupted(reason)) => tracing::warn!(reason, "projects are not watched"),
            Some(ObjectEvent::Resumed) => {}
        }
    }
}

async fn watch_applications(server: Shared, shutdown: CancellationToken) {
    let everywhere = server.config.watches_all_namespaces();
    let namespace = if everywhere { String::new() } else { server.config.namespace.clone() };
    let managed = |object: &Value| {
        let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or_default();
        server.config.manages_namespace(namespace)
    };
    let mut watch = server.api.watch_objects(&ResourceType::applications(), &namespace, "");
    loop {
        let event = tokio::select! {
            () = shutdown.cancelled() => return,
            event = watch.next() => event,
        };
        match event {
            None => return,
            Some(ObjectEvent::Listed(list)) => {
                server.applications.reset(list.into_iter().filter(|object| managed(object)).collect());
            }
            Some(ObjectEvent::Applied(object)) if managed(&object) => {
                server.applications.put(object, From::Watch);
            }
            Some(ObjectEvent::Deleted(object)) => server.applications.remove(object),
            Some(ObjectEvent::Interrupted(reason)) => tracing::warn!(reason, "applications are not watched"),
            Some(ObjectEvent::Applied(_) | ObjectEvent::Resumed) => {}
        }
    }
}
