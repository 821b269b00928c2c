//! Deletion of an application's objects together with the application (cascade).
//!
//! Works like the sync machine: it looks at what is there, asks for deletions, and waits for the cluster to say that
//! the objects are gone. It has no memory worth saving: after a restart the objects that are left are the state.
//! Hooks of the deletion (PreDelete, PostDelete) are not run here.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use tiphys_manifest::{Gvk, Manifest, ResourceKey};

use crate::live::LiveObject;
use crate::machine::{Failure, FailureReason};
use crate::options::{PropagationPolicy, Removal, ResourceOptions, SyncOptions};
use crate::request::{DeleteRequest, FinalizerRequest, without_hook_finalizer};
use crate::{task, wave};

/// The finalizer that asks for the cascade; foreground.
pub const RESOURCES_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io";
/// The same with dependents deleted first, said explicitly.
pub const FOREGROUND_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io/foreground";
/// The same with dependents deleted afterwards.
pub const BACKGROUND_FINALIZER: &str = "resources-finalizer.argocd.argoproj.io/background";

/// The longest pause before a refused deletion is asked for again.
const LONGEST_PAUSE: i64 = 60;

/// What an Application's finalizers ask for; `None` when its objects are to stay. Foreground wins over background.
pub fn cascade<'a>(finalizers: impl IntoIterator<Item = &'a str>) -> Option<PropagationPolicy> {
    let mut asked = None;
    for finalizer in finalizers {
        match finalizer {
            RESOURCES_FINALIZER | FOREGROUND_FINALIZER => return Some(PropagationPolicy::Foreground),
            BACKGROUND_FINALIZER => asked = Some(PropagationPolicy::Background),
            _ => {}
        }
    }
    asked
}

/// The finalizers that ask for the cascade, as far as the Application has them: what is taken off when it is done.
pub fn cascade_finalizers<'a>(finalizers: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let ours = [RESOURCES_FINALIZER, FOREGROUND_FINALIZER, BACKGROUND_FINALIZER];
    finalizers.into_iter().filter(|finalizer| ours.contains(finalizer)).collect()
}

/// The finalizers of ours of whatever purpose: what is taken off when the destination cluster is gone.
pub fn own_finalizers<'a>(finalizers: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    const STEMS: [&str; 3] = [
        RESOURCES_FINALIZER,
        "pre-delete-finalizer.argocd.argoproj.io",
        "post-delete-finalizer.argocd.argoproj.io",
    ];
    let is_ours = |finalizer: &&str| {
        STEMS.iter().any(|stem| {
            finalizer.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    finalizers.into_iter().filter(is_ours).collect()
}

/// A live object that the application owns and that its project permits.
#[derive(Clone, Debug)]
pub struct OwnedObject {
    /// Its identity.
    pub key: ResourceKey,
    /// Group, version and kind.
    pub gvk: Gvk,
    /// The object.
    pub live: LiveObject,
}

/// The cluster and the Application, as the controller sees them now.
pub trait OwnedView {
    /// All live objects that the application owns.
    ///
    /// # Errors
    /// A sentence that says why they are not known completely; the application stays until they are.
    fn objects(&self) -> Result<Vec<OwnedObject>, String>;

    /// When a user approved deletions.
    fn deletion_approved_at(&self) -> Option<DateTime<Utc>>;
}

/// What happened.
#[derive(Clone, Debug)]
pub enum DeletionEvent {
    /// Begin, or look again: objects, the Application or the time have changed.
    Look,
    /// A [`DeletionEffect::Delete`] or [`DeletionEffect::RemoveFinalizer`] was answered.
    Answered {
        /// The object.
        key: ResourceKey,
        /// The uid that the request was about.
        uid: String,
        /// Why not.
        result: Result<(), Failure>,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum DeletionEffect {
    /// Delete an object.
    Delete(DeleteRequest),
    /// Take the hook finalizer off an object that is being deleted.
    RemoveFinalizer {
        /// The uid to answer with.
        uid: String,
        /// The request.
        request: FinalizerRequest,
    },
    /// Look again at this time.
    WakeAt(DateTime<Utc>),
    /// What the deletion waits for, in words; `is_error` makes it a `DeletionError` condition.
    Report {
        /// The words.
        message: String,
        /// Something refuses to go.
        is_error: bool,
    },
    /// Nothing is left: take the finalizers of [`cascade_finalizers`] off the Application.
    Finish,
}

/// One deletion that goes on.
#[derive(Debug)]
pub struct Deletion {
    /// The Application itself, which an application may contain.
    application_uid: String,
    /// When the Application's deletion was asked for.
    since: DateTime<Utc>,
    propagation: PropagationPolicy,
    options: SyncOptions,
    requests: BTreeMap<String, Request>,
    reported: Option<(String, bool)>,
    is_finished: bool,
}

#[derive(Clone, Debug, Default)]
struct Request {
    is_open: bool,
    is_accepted: bool,
    tries: u32,
    not_before: Option<DateTime<Utc>>,
    error: Option<String>,
}

impl Deletion {
    /// The deletion of the objects of the Application with this uid, whose deletion was asked for at `since`. `options`
    /// are the application's sync options.
    pub fn new(
        application_uid: impl Into<String>,
        since: DateTime<Utc>,
        propagation: PropagationPolicy,
        options: SyncOptions,
    ) -> Self {
        Deletion {
            application_uid: application_uid.into(),
            since,
            propagation,
            options,
            requests: BTreeMap::new(),
            reported: None,
            is_finished: false,
        }
    }

    /// Tells the machine what happened; the effects are to be carried out.
    pub fn step(
        &mut self,
        event: DeletionEvent,
        view: &dyn OwnedView,
        now: DateTime<Utc>,
    ) -> Vec<DeletionEffect> {
        if let DeletionEvent::Answered { uid, result, .. } = event {
            self.answered(uid, result, now);
        }
        let mut effects = Vec::new();
        if self.is_finished {
            return effects;
        }
        let objects = match view.objects() {
            Ok(objects) => objects,
            Err(reason) => {
                self.report(
                    format!("waiting for a complete view of the cluster: {reason}"),
                    true,
                    &mut effects,
                );
                return effects;
            }
        };
        let mut left: Vec<Candidate> =
            objects.into_iter().filter_map(|object| self.candidate(object)).collect();
        self.requests.retain(|uid, _| left.iter().any(|candidate| *candidate.object.live.uid == **uid));
        if left.is_empty() {
            self.is_finished = true;
            effects.push(DeletionEffect::Finish);
            return effects;
        }
        if let Some(message) = self.unconfirmed(&left, view) {
            self.report(message, false, &mut effects);
            return effects;
        }
        // What was made last goes first, and nothing of a lower wave before it is gone.
        let last = left.iter().map(|candidate| candidate.wave).max().unwrap_or_default();
        left.retain(|candidate| candidate.wave == last);
        left.sort_by(|a, b| a.object.key.cmp(&b.object.key));
        let mut wake: Option<DateTime<Utc>> = None;
        for candidate in &left {
            if let Some(at) = self.delete(&candidate.object, now, &mut effects) {
                wake = Some(wake.map_or(at, |earlier| earlier.min(at)));
            }
        }
        effects.extend(wake.map(DeletionEffect::WakeAt));
        let (message, is_error) = self.words(&left);
        self.report(message, is_error, &mut effects);
        effects
    }

    /// Whether everything is gone and [`DeletionEffect::Finish`] was given.
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// What is to be deleted of what is owned: no definition (it would take all objects of its kind along, whoever
    /// owns them), not the Application itself, and nothing that is to be kept.
    fn candidate(&self, object: OwnedObject) -> Option<Candidate> {
        if task::is_definition(&object.key) || *object.live.uid == *self.application_uid {
            return None;
        }
        // Without its body an object can't say that it is to be kept. Owned objects have one.
        let manifest = Manifest::new((*object.live.body()?).clone()).ok()?;
        let removal = ResourceOptions::resolve(&self.options, &manifest).delete;
        if removal == Removal::Forbidden {
            return None;
        }
        Some(Candidate { wave: wave::of(&manifest), removal, object })
    }

    fn unconfirmed(&self, left: &[Candidate], view: &dyn OwnedView) -> Option<String> {
        let mut pending = left
            .iter()
            .filter(|candidate| candidate.removal == Removal::Confirm && !candidate.object.live.is_deleting);
        let first = pending.next()?;
        if view.deletion_approved_at().is_some_and(|at| at >= self.since) {
            return None;
        }
        let key = &first.object.key;
        let (api_version, kind, name) = (first.object.gvk.api_version(), key.kind(), key.name());
        let more = match pending.count() {
            0 => String::new(),
            count => format!(" and {count} more resources"),
        };
        Some(format!("Waiting for deletion confirmation of {api_version}/{kind}/{name}{more}"))
    }

    /// Asks for the deletion of one object, once; gives the time of the next try when the last one was refused.
    fn delete(
        &mut self,
        object: &OwnedObject,
        now: DateTime<Utc>,
        effects: &mut Vec<DeletionEffect>,
    ) -> Option<DateTime<Utc>> {
        let live = &object.live;
        let request = self.requests.entry(live.uid.to_string()).or_default();
        if request.is_open {
            return None;
        }
        if let Some(at) = request.not_before.filter(|at| *at > now) {
            return Some(at);
        }
        if !live.is_deleting {
            if request.is_accepted {
                return None;
            }
            request.is_open = true;
            effects.push(DeletionEffect::Delete(DeleteRequest {
                gvk: object.gvk.clone(),
                key: object.key.clone(),
                uid: live.uid.to_string(),
                propagation: self.propagation,
            }));
            return None;
        }
        // A hook that nobody waits for any more.
        if let Some(patch) = live.body().and_then(|body| without_hook_finalizer(&body)) {
            request.is_open = true;
            effects.push(DeletionEffect::RemoveFinalizer {
                uid: live.uid.to_string(),
                request: FinalizerRequest { gvk: object.gvk.clone(), key: object.key.clone(), patch },
            });
        }
        None
    }

    fn answered(&mut self, uid: String, result: Result<(), Failure>, now: DateTime<Utc>) {
        let request = self.requests.entry(uid).or_default();
        request.is_open = false;
        match result {
            Ok(()) => {
                request.is_accepted = true;
                request.error = None;
                request.not_before = None;
                request.tries = 0;
            }
            // Gone already, or replaced by an object with another uid, which is looked at by itself.
            Err(failure) if matches!(failure.reason, FailureReason::NotFound | FailureReason::Conflict) => {
                request.is_accepted = true;
            }
            Err(failure) => {
                request.tries += 1;
                let seconds = (1_i64 << request.tries.min(6)).min(LONGEST_PAUSE);
                request.not_before = Some(now + Duration::seconds(seconds));
                request.error = Some(failure.message);
            }
        }
    }

    fn words(&self, left: &[Candidate]) -> (String, bool) {
        let failed = left.iter().find_map(|candidate| {
            let error = self.requests.get(&*candidate.object.live.uid)?.error.clone()?;
            Some((format!("cannot delete {}: {error}", candidate.object.key), true))
        });
        failed.unwrap_or_else(|| {
            let first = left.first().map(|candidate| candidate.object.key.clone());
            let name = first.map(|key| format!("{}/{}/{}", key.group(), key.kind(), key.name()));
            let more = match left.len() {
                0 | 1 => String::new(),
                count => format!(" and {} more resources", count - 1),
            };
            (format!("waiting for deletion of {}{more}", name.unwrap_or_default()), false)
        })
    }

    /// Says it when it is new.
    fn report(&mut self, message: String, is_error: bool, effects: &mut Vec<DeletionEffect>) {
        if self.reported.as_ref() != Some(&(message.clone(), is_error)) {
            self.reported = Some((message.clone(), is_error));
            effects.push(DeletionEffect::Report { message, is_error });
        }
    }
}

struct Candidate {
    wave: i64,
    removal: Removal,
    object: OwnedObject,
}

#[cfg(test)]
mod tests;
