//! Watches the control plane's own objects and turns what comes into posts to actors.
//!
//! It knows which objects matter (Applications, projects, the settings' ConfigMaps and Secrets) and whom a change
//! concerns. What an actor does about it is not known here.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tiphys_api::{AppProject, names};
use tiphys_cluster::{ApiClient, ObjectEvent, ResourceType};
use tiphys_settings::SettingsObjects;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::run::ensure_default_project;
use crate::store::{AppKey, Observed};

/// Label of the ConfigMaps and of `argocd-secret`, as the reference's manifests set it.
const PART_OF: &str = "app.kubernetes.io/part-of=argocd";

/// Watches everything until `shutdown`. Returns once settings and projects are known, so that no actor starts with an
/// empty idea of what is permitted; Applications follow.
pub(crate) async fn watch(context: &Arc<Context>, api: &ApiClient, shutdown: &CancellationToken) {
    let settings = Arc::new(Mutex::new(SettingsObjects::default()));
    let namespace = context.config.namespace.clone();
    let sources = [
        (ResourceType::config_maps(), PART_OF.to_owned()),
        (ResourceType::secrets(), PART_OF.to_owned()),
        (ResourceType::secrets(), names::label::SECRET_TYPE.to_owned()),
    ];
    let mut first = Vec::new();
    for (resource, selector) in sources {
        let (seen, was_seen) = tokio::sync::oneshot::channel();
        first.push(was_seen);
        let watch = SettingsWatch {
            context: context.clone(),
            objects: settings.clone(),
            is_secret: resource.kind == "Secret",
            mine: HashSet::new(),
        };
        tokio::spawn(watch.run(api.clone(), resource, selector, seen, shutdown.clone()));
    }
    let (seen, was_seen) = tokio::sync::oneshot::channel();
    first.push(was_seen);
    tokio::spawn(watch_projects(context.clone(), api.clone(), seen, shutdown.clone()));
    for seen in first {
        let _ended_early = seen.await;
    }
    apply_settings(context, &settings);
    let namespace = if context.config.watches_all_namespaces() { String::new() } else { namespace };
    tokio::spawn(watch_applications(context.clone(), api.clone(), namespace, shutdown.clone()));
}

/// One watch of objects that settings are read from.
struct SettingsWatch {
    context: Arc<Context>,
    objects: Arc<Mutex<SettingsObjects>>,
    is_secret: bool,
    /// Names that this watch has brought, so that a new list removes only what it knows of.
    mine: HashSet<String>,
}

impl SettingsWatch {
    async fn run(
        mut self,
        api: ApiClient,
        resource: ResourceType,
        selector: String,
        seen: tokio::sync::oneshot::Sender<()>,
        shutdown: CancellationToken,
    ) {
        let mut watch = api.watch_objects(&resource, &self.context.config.namespace, &selector);
        let mut seen = Some(seen);
        loop {
            let event = tokio::select! {
                () = shutdown.cancelled() => return,
                event = watch.next() => event,
            };
            let Some(event) = event else { return };
            let listed = matches!(event, ObjectEvent::Listed(_));
            if self.take(event) && seen.is_none() {
                apply_settings(&self.context, &self.objects);
            }
            if listed && let Some(seen) = seen.take() {
                let _nobody_waits = seen.send(());
            }
        }
    }

    fn take(&mut self, event: ObjectEvent) -> bool {
        let mut objects = self.objects.lock();
        let mut put = |mine: &mut HashSet<String>, object: &Value| {
            if let Some(name) = object_name(object) {
                mine.insert(name.to_owned());
            }
            if self.is_secret { objects.put_secret(object) } else { objects.put_config_map(object) }
        };
        match event {
            ObjectEvent::Listed(list) => {
                let before = std::mem::take(&mut self.mine);
                let mut changed = false;
                for object in &list {
                    changed |= put(&mut self.mine, object);
                }
                for gone in before.difference(&self.mine) {
                    changed |= if self.is_secret {
                        objects.remove_secret(gone)
                    } else {
                        objects.remove_config_map(gone)
                    };
                }
                changed
            }
            ObjectEvent::Applied(object) => put(&mut self.mine, &object),
            ObjectEvent::Deleted(object) => {
                let Some(name) = object_name(&object) else { return false };
                self.mine.remove(name);
                if self.is_secret { objects.remove_secret(name) } else { objects.remove_config_map(name) }
            }
            ObjectEvent::Interrupted(reason) => {
                tracing::warn!(reason, "settings are not watched");
                false
            }
            ObjectEvent::Resumed => false,
        }
    }
}

/// Parses what is known and tells every application.
fn apply_settings(context: &Arc<Context>, objects: &Mutex<SettingsObjects>) {
    let (settings, problems) = objects.lock().parse();
    for problem in &problems {
        tracing::warn!(%problem, "a setting could not be used");
    }
    context.store.put_settings(settings);
    context.clusters.settings_changed(&context.store.settings());
    context.registry.post_to_all(|pending| pending.surroundings = true);
}

async fn watch_projects(
    context: Arc<Context>,
    api: ApiClient,
    seen: tokio::sync::oneshot::Sender<()>,
    shutdown: CancellationToken,
) {
    let mut watch = api.watch_objects(&ResourceType::app_projects(), &context.config.namespace, "");
    let mut seen = Some(seen);
    loop {
        let event = tokio::select! {
            () = shutdown.cancelled() => return,
            event = watch.next() => event,
        };
        match event {
            None => return,
            Some(ObjectEvent::Listed(list)) => {
                let names: HashSet<&str> = list.iter().filter_map(object_name).collect();
                for project in context.store.projects() {
                    if !names.contains(project.metadata.name.as_str()) {
                        context.store.remove_project(&project.metadata.name);
                    }
                }
                for object in &list {
                    put_project(&context, object);
                }
            }
            Some(ObjectEvent::Applied(object)) => put_project(&context, &object),
            Some(ObjectEvent::Deleted(object)) => {
                if let Some(name) = object_name(&object) {
                    context.store.remove_project(name);
                }
            }
            Some(ObjectEvent::Interrupted(reason)) => {
                tracing::warn!(reason, "projects are not watched");
                continue;
            }
            Some(ObjectEvent::Resumed) => continue,
        }
        ensure_default_project(&context).await;
        // Only now: the first applications may be in the project that was just made.
        if let Some(seen) = seen.take() {
            let _nobody_waits = seen.send(());
        }
        context.registry.post_to_all(|pending| pending.surroundings = true);
    }
}

fn put_project(context: &Context, object: &Value) {
    match serde_json::from_value::<AppProject>(object.clone()) {
        Ok(project) => context.store.put_project(project),
        Err(error) => {
            // The last good version stays: a project that can't be read must not become one that permits nothing.
            tracing::warn!(project = object_name(object).unwrap_or_default(), %error, "a project can't be read");
        }
    }
}

async fn watch_applications(
    context: Arc<Context>,
    api: ApiClient,
    namespace: String,
    shutdown: CancellationToken,
) {
    let mut watch = api.watch_objects(&ResourceType::applications(), &namespace, "");
    loop {
        let event = tokio::select! {
            () = shutdown.cancelled() => return,
            event = watch.next() => event,
        };
        match event {
            None => return,
            Some(ObjectEvent::Listed(list)) => {
                let mut listed = HashSet::new();
                for object in list {
                    if let Some(key) = put_application(&context, object) {
                        listed.insert(key);
                    }
                }
                for key in context.store.application_keys() {
                    if !listed.contains(&key) {
                        remove_application(&context, &key, "");
                    }
                }
                context.applications_listed();
            }
            Some(ObjectEvent::Applied(object)) => {
                put_application(&context, object);
            }
            Some(ObjectEvent::Deleted(object)) => {
                if let Some(key) = app_key(&object) {
                    let uid = object.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
                    remove_application(&context, &key, uid);
                }
            }
            Some(ObjectEvent::Interrupted(reason)) => tracing::warn!(reason, "Applications are not watched"),
            Some(ObjectEvent::Resumed) => tracing::info!("Applications are watched again"),
        }
    }
}

/// Stores a version and wakes its actor. An echo of the actor's own write is not news.
fn put_application(context: &Arc<Context>, object: Value) -> Option<AppKey> {
    let key = app_key(&object)?;
    if !context.config.reconciles_namespace(&key.namespace) {
        return None;
    }
    if context.store.put_application(&key, Observed::read(object)) {
        context.post(&key, |pending| pending.application = true);
    }
    Some(key)
}

fn remove_application(context: &Arc<Context>, key: &AppKey, uid: &str) {
    context.store.remove_application(key, uid);
    context.post(key, |pending| pending.application = true);
}

fn app_key(object: &Value) -> Option<AppKey> {
    let namespace = object.pointer("/metadata/namespace")?.as_str()?;
    Some(AppKey::new(namespace, object_name(object)?))
}

fn object_name(object: &Value) -> Option<&str> {
    object.pointer("/metadata/name")?.as_str()
}
