//! One task for each Application, and the only one that writes it.
//!
//! An actor sleeps until something is posted to its mailbox, an effect of its operation is answered, or a timer is due.
//! Then it takes one turn: it looks at the newest version of its Application and does what follows. All waiting is done
//! here; all deciding in the core crates.

mod assess;
mod deletion;
mod draft;
mod operation;
mod refresh;
mod schemas;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tiphys_api::Application;
use tiphys_api::names::annotation::SKIP_RECONCILE;
use tiphys_sync::deletion::DeletionEvent;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::clusters::chain;
use crate::context::Context;
use crate::desired::Desired;
use crate::mailbox::Pending;
use crate::registry::Handle;
use crate::store::AppKey;

pub(crate) use assess::Assessed;
use deletion::RunningDeletion;
use draft::StoreError;
use operation::RunningOperation;

/// Pause before something is tried again that failed for reasons outside: a store that is not reachable, say.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Longest pause of that kind.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// While an operation runs, live changes are compared this often at most: each comparison may become a write.
const COMPARE_WHILE_SYNCING: Duration = Duration::from_secs(2);
/// After this time without a look, parsed objects are dropped; their text stays.
const FORGET_AFTER: Duration = Duration::from_secs(10);

/// Starts the actor of an application.
pub(crate) fn spawn(context: Arc<Context>, key: AppKey, instance: Arc<str>, handle: Handle) {
    tokio::spawn(async move {
        let mut actor = Actor::new(context, key, instance, handle);
        actor.run().await;
    });
}

/// An answer to something that the actor has asked for.
pub(crate) enum Done {
    /// Of a sync, with the number of the attempt that asked.
    Sync(u64, tiphys_sync::Event),
    /// Of a cascade.
    Deletion(DeletionEvent),
}

/// Whether the actor goes on.
pub(crate) enum Turn {
    Go,
    End,
}

/// When to look again without being asked.
#[derive(Default)]
struct Timers {
    /// The running operation or cascade wants a tick.
    operation: Option<Instant>,
    /// A store that failed is tried again.
    retry: Option<Instant>,
    /// The next refresh by time.
    refresh: Option<Instant>,
    /// A manual change is undone.
    heal: Option<Instant>,
    /// A comparison that was put off while an operation runs.
    compare: Option<Instant>,
    /// Parsed objects are dropped.
    forget: Option<Instant>,
}

impl Timers {
    fn next(&self) -> Option<Instant> {
        [self.operation, self.retry, self.refresh, self.heal, self.compare, self.forget]
            .into_iter()
            .flatten()
            .min()
    }
}

/// Whether a timer is due; it is then unset.
fn due(timer: &mut Option<Instant>, now: Instant) -> bool {
    let is_due = timer.is_some_and(|at| at <= now);
    if is_due {
        *timer = None;
    }
    is_due
}

/// Everything that is remembered about one Application.
pub(crate) struct Actor {
    context: Arc<Context>,
    key: AppKey,
    instance: Arc<str>,
    handle: Handle,
    /// Requests on their way.
    work: JoinSet<Done>,
    /// Counts attempts, so that an answer to an earlier one is recognised.
    attempt: u64,
    operation: Option<RunningOperation>,
    deletion: Option<RunningDeletion>,
    /// What was rendered and found last.
    assessed: Option<Arc<Assessed>>,
    /// The text of the last render, kept when the rest is forgotten.
    desired: Option<Arc<Desired>>,
    /// Since when the sources can't be rendered.
    failing_since: Option<Instant>,
    /// When a status was last computed while an operation runs.
    looked_at: Option<Instant>,
    /// When the sources were last asked for, whether or not anything was written about it.
    resolved_at: Option<Instant>,
    /// The delay of the next refresh by time, drawn anew each time.
    resync: Option<Duration>,
    timers: Timers,
    failures: u32,
    /// An unreadable version that was complained about.
    complained: Option<u64>,
}

impl Actor {
    fn new(context: Arc<Context>, key: AppKey, instance: Arc<str>, handle: Handle) -> Self {
        Self {
            context,
            key,
            instance,
            handle,
            work: JoinSet::new(),
            attempt: 0,
            operation: None,
            deletion: None,
            assessed: None,
            desired: None,
            failing_since: None,
            looked_at: None,
            resolved_at: None,
            resync: None,
            timers: Timers::default(),
            failures: 0,
            complained: None,
        }
    }

    async fn run(&mut self) {
        let shutdown = self.context.shutdown.clone();
        loop {
            let wake = self.timers.next();
            let done = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(done) = self.work.join_next(), if !self.work.is_empty() => Some(done),
                () = self.handle.mailbox.wait() => None,
                () = sleep_until(wake), if wake.is_some() => None,
            };
            let turn = match done {
                Some(Ok(done)) => Box::pin(self.answered(done)).await,
                Some(Err(error)) => {
                    tracing::error!(application = %self.key, %error, "a request ended without an answer");
                    Turn::Go
                }
                None => {
                    let pending = self.handle.mailbox.take();
                    // On the heap: what a turn holds across its waits is large, and the actor sleeps most of the time.
                    Box::pin(self.turn(pending)).await
                }
            };
            if matches!(turn, Turn::End) {
                if self.context.registry.forget(&self.key, &self.instance, &self.handle.mailbox) {
                    return;
                }
                self.reset();
            }
        }
        // What was sent is answered before the process ends, so that its outcome is in the cluster and not in doubt.
        let _late = tokio::time::timeout(Duration::from_secs(5), async {
            while self.work.join_next().await.is_some() {}
        })
        .await;
    }

    /// One look at the newest version.
    async fn turn(&mut self, mut pending: Pending) -> Turn {
        let now = Instant::now();
        let ticked = due(&mut self.timers.operation, now);
        let retried = due(&mut self.timers.retry, now);
        let healed = due(&mut self.timers.heal, now);
        let compared = due(&mut self.timers.compare, now);
        due(&mut self.timers.refresh, now);
        if due(&mut self.timers.forget, now) && self.operation.is_none() {
            self.forget_parsed();
        }
        let Some(observed) = self.context.store.application(&self.key) else { return self.gone() };
        let app = match observed.app {
            Ok(app) => app,
            Err(reason) => return self.complain(observed.resource_version, &reason).await,
        };
        if app.metadata.annotation(SKIP_RECONCILE) == Some("true") || self.cluster_is_skipped(&app) {
            return Turn::Go;
        }
        if app.metadata.is_being_deleted() {
            if self.operation.is_some() {
                return self.terminate().await;
            }
            let look =
                pending.application || !pending.live.is_empty() || pending.surroundings || ticked || retried;
            return if look { Box::pin(self.delete(app, DeletionEvent::Look)).await } else { Turn::Go };
        }
        if !pending.live.is_empty() || healed || compared || retried {
            pending.ask(tiphys_compare::CompareLevel::Recent);
        }
        if pending.surroundings {
            pending.ask(tiphys_compare::CompareLevel::Recent);
        }
        if self.operation.is_some() {
            return Box::pin(self.turn_of_operation(app, pending, ticked || retried)).await;
        }
        if app.operation.is_some() {
            return Box::pin(self.start_operation(app)).await;
        }
        Box::pin(self.refresh(app, &pending)).await
    }

    async fn answered(&mut self, done: Done) -> Turn {
        match done {
            Done::Sync(attempt, event) => {
                if attempt == self.attempt && self.operation.is_some() {
                    self.step(event).await
                } else {
                    Turn::Go
                }
            }
            Done::Deletion(event) => {
                match self.context.store.application(&self.key).map(|observed| observed.app) {
                    Some(Ok(app)) if app.metadata.is_being_deleted() => {
                        Box::pin(self.delete(app, event)).await
                    }
                    _ => Turn::Go,
                }
            }
        }
    }

    /// The Application is not there: whatever was under way has no one to report to.
    fn gone(&mut self) -> Turn {
        if let Some(assessed) = &self.assessed {
            self.context.metrics.forget(&assessed.app, assessed.cluster.server());
        }
        self.reset();
        Turn::End
    }

    fn reset(&mut self) {
        self.attempt += 1;
        self.operation = None;
        self.deletion = None;
        self.assessed = None;
        self.timers = Timers::default();
        self.resolved_at = None;
        self.desired = None;
        self.handle.view.show(None);
    }

    /// Drops what can be parsed again from text. Most applications are quiet most of the time.
    fn forget_parsed(&mut self) {
        self.assessed = None;
        self.handle.view.show(None);
    }

    fn cluster_is_skipped(&self, app: &Application) -> bool {
        let settings = self.context.store.settings();
        settings.clusters.resolve(&app.spec.destination).is_ok_and(tiphys_settings::Clusters::is_skipped)
    }

    /// An object that passes the CRD and is still not an Application: said once for each version of it.
    async fn complain(&mut self, resource_version: u64, reason: &str) -> Turn {
        if self.complained == Some(resource_version) {
            return Turn::Go;
        }
        self.complained = Some(resource_version);
        tracing::warn!(application = %self.key, reason, "an Application can't be read");
        let now = tiphys_api::time::Time::new(Utc::now());
        let patch = serde_json::json!({"status": {"conditions": [{
            "type": "InvalidSpecError",
            "message": format!("the Application can't be read: {reason}"),
            "lastTransitionTime": now,
        }]}});
        let applications = tiphys_cluster::ResourceType::applications();
        let (namespace, name) = (&self.key.namespace, &self.key.name);
        let merge = tiphys_cluster::PatchType::Merge;
        if let Err(error) = self.context.api.patch_object(&applications, namespace, name, merge, &patch).await
        {
            tracing::warn!(application = %self.key, error = %chain(&error), "can't write why");
        }
        Turn::Go
    }

    /// Something outside failed: the same is tried again, later and later.
    fn retry_later(&mut self, error: &StoreError) -> Turn {
        if matches!(error, StoreError::Gone) {
            return Turn::Go;
        }
        let pause = LOOK_AGAIN.saturating_mul(1 << self.failures.min(6)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.timers.retry = Some(Instant::now() + pause);
        tracing::warn!(application = %self.key, error = %chain(error), again_in_s = pause.as_secs(), "can't write the Application");
        Turn::Go
    }

    fn stored(&mut self) {
        self.failures = 0;
    }
}

/// A point in time as one of the timer; the past is now.
fn instant(at: DateTime<Utc>) -> Instant {
    let wait = (at - Utc::now()).to_std().unwrap_or_default();
    Instant::now() + wait
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
