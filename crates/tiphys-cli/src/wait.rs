//! When waiting is over, and what is said meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Utc;
use tiphys_api::Application;
use tiphys_api::application::OperationState;
use tiphys_api::words::HydrateOperationPhase;

use crate::backend::{App, AppEvent, Backend, Refresh};
use crate::console::Console;
use crate::error::{CliError, ErrorKind};
use crate::name::AppName;
use crate::output;
use crate::resources::{self, ResourceState};
use crate::selector::ResourceSelector;
use crate::summary::{self, Windows};
use crate::table::{Table, right};
use crate::tree;

/// What is waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    pub(crate) sync: bool,
    pub(crate) health: bool,
    pub(crate) operation: bool,
    pub(crate) suspended: bool,
    pub(crate) degraded: bool,
    pub(crate) delete: bool,
    pub(crate) hydrated: bool,
}

impl Conditions {
    /// Sync, health and operation where nothing is asked for.
    pub(crate) fn or_default(self) -> Self {
        if self == Conditions::default() {
            return Conditions { sync: true, health: true, operation: true, ..self };
        }
        self
    }

    /// An operation only, as after starting one.
    pub(crate) fn operation() -> Self {
        Conditions { operation: true, ..Conditions::default() }
    }

    fn hold_for(self, health: &str, sync: &str, app: &Application) -> bool {
        if self.delete {
            return false;
        }
        let is_health_asked = self.health || self.suspended || self.degraded;
        let is_healthy = (self.health && health == "Healthy")
            || (self.suspended && health == "Suspended")
            || (self.degraded && health == "Degraded");
        (!is_health_asked || is_healthy)
            && (!self.sync || sync == "Synced")
            && (!self.operation || app.operation.is_none())
            && (!self.hydrated || is_hydrated(app))
    }

    /// Whether the application is as it is waited for. An operation counts as ended when the controller has compared
    /// the application once more after it: only then does the status speak of the result.
    pub(crate) fn hold(self, app: &Application, selectors: &[ResourceSelector]) -> bool {
        if self.operation && is_operating(app) {
            return false;
        }
        if selectors.is_empty() {
            let (health, sync) = (app.status.health.status.as_str(), app.status.sync.status.as_str());
            return self.hold_for(health, sync, app);
        }
        resources::states(app, selectors).iter().all(|state| self.hold_for(&state.health, &state.status, app))
    }
}

fn is_operating(app: &Application) -> bool {
    if app.operation.is_some() {
        return true;
    }
    let Some(state) = &app.status.operation_state else { return false };
    let Some(finished_at) = state.finished_at else { return true };
    let is_dry_run = state.operation.sync.as_ref().is_some_and(|sync| sync.dry_run);
    !is_dry_run && app.status.reconciled_at.is_none_or(|at| at < finished_at)
}

fn is_hydrated(app: &Application) -> bool {
    let Some(hydrator) = &app.status.source_hydrator else { return false };
    match (&hydrator.current_operation, &hydrator.last_successful_operation) {
        (Some(current), Some(last)) => {
            current.phase == HydrateOperationPhase::Hydrated
                && current.source_hydrator == last.source_hydrator
                && current.dry_sha == last.dry_sha
        }
        _ => false,
    }
}

/// What came of waiting.
pub(crate) struct Waited {
    /// The application at the end, refreshed when an operation was seen.
    pub(crate) app: App,
    /// The operation as it was when the conditions held: a refresh may already show the next one.
    pub(crate) operation: Option<OperationState>,
}

/// How waiting is done and shown.
pub(crate) struct Waiting<'a> {
    pub(crate) backend: &'a Backend,
    pub(crate) name: &'a AppName,
    pub(crate) conditions: Conditions,
    pub(crate) selectors: &'a [ResourceSelector],
    /// `None` waits for ever.
    pub(crate) timeout: Option<Duration>,
    /// `wide`, `json`, `yaml`, `tree` or `tree=detailed`.
    pub(crate) output: &'a str,
}

/// The pause before a watch that broke off is opened again.
const RECONNECT: Duration = Duration::from_secs(1);

impl Waiting<'_> {
    /// Waits; `None` when the application was deleted and that was waited for.
    pub(crate) async fn run(&self, console: &mut Console) -> Result<Option<Waited>, CliError> {
        if !matches!(self.output, "wide" | "" | "json" | "yaml" | "tree" | "tree=detailed") {
            return Err(output::unknown_format(self.output, "json|yaml|wide|tree|tree=detailed"));
        }
        let deadline = self.timeout.map(|timeout| tokio::time::Instant::now() + timeout);
        let mut progress = Progress::default();
        let mut app = self.backend.get(self.name, None).await?;
        if !self.conditions.delete && self.conditions.hold(&app.typed, self.selectors) {
            return Box::pin(self.finish(app, false, console)).await.map(Some);
        }
        if self.is_talkative() {
            console.print(&progress.head())?;
        }
        let mut has_operated = false;
        let mut events = None;
        loop {
            let next = self.next(&mut events);
            let event = match deadline {
                Some(deadline) => match tokio::time::timeout_at(deadline, next).await {
                    Ok(event) => event?,
                    Err(_) => return Err(Box::pin(self.timed_out(app, console)).await),
                },
                None => next.await?,
            };
            app = match self.completed(event).await {
                AppEvent::Deleted if self.conditions.delete => {
                    console.line(&format!("Application '{}' deleted", self.name))?;
                    return Ok(None);
                }
                AppEvent::Deleted => {
                    return Err(CliError::new(format!("application '{}' was deleted", self.name)));
                }
                AppEvent::Changed(app) => *app,
            };
            let operation = app.typed.operation.as_ref();
            has_operated |=
                operation.is_some_and(|operation| !operation.sync.as_ref().is_some_and(|sync| sync.dry_run));
            if self.conditions.hold(&app.typed, self.selectors) {
                return Box::pin(self.finish(app, has_operated, console)).await.map(Some);
            }
            let news = progress.update(&app.typed, self.selectors);
            if self.is_talkative() {
                console.print(&news.rows)?;
            }
            if let Some((before, after)) = news.degraded.filter(|_| self.conditions.health) {
                let error = CliError::new(format!(
                    "application '{}' health state has transitioned from {before} to {after}",
                    self.name
                ));
                self.show(&app, console).await?;
                return Err(error.hint(format!("see what is wrong: app get {}", self.name)));
            }
        }
    }

    /// The next event; a watch that breaks off is opened again.
    async fn next(
        &self,
        events: &mut Option<tokio::sync::mpsc::Receiver<AppEvent>>,
    ) -> Result<AppEvent, CliError> {
        loop {
            if let Some(open) = events
                && let Some(event) = open.recv().await
            {
                return Ok(event);
            }
            if events.is_some() {
                tokio::time::sleep(RECONNECT).await;
                // What was missed meanwhile may be a deletion.
                if self.backend.find(self.name).await.is_ok_and(|app| app.is_none()) {
                    return Ok(AppEvent::Deleted);
                }
            }
            match self.backend.watch(self.name).await {
                Ok(open) => *events = Some(open),
                Err(error) if error.kind() == ErrorKind::Connection => {
                    tokio::time::sleep(RECONNECT).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Events may come without the health of single objects. Where that is what is waited for, it is asked for.
    async fn completed(&self, event: AppEvent) -> AppEvent {
        let is_needed = !self.selectors.is_empty()
            && (self.conditions.health || self.conditions.suspended || self.conditions.degraded);
        match event {
            AppEvent::Changed(app) if is_needed => match Box::pin(self.backend.get(self.name, None)).await {
                Ok(app) => AppEvent::Changed(Box::new(app)),
                Err(_) => AppEvent::Changed(app),
            },
            event => event,
        }
    }

    fn is_talkative(&self) -> bool {
        !matches!(self.output, "json" | "yaml")
    }

    async fn finish(&self, app: App, refresh: bool, console: &mut Console) -> Result<Waited, CliError> {
        let operation = app.typed.status.operation_state.clone();
        let app = match refresh {
            // The status lags behind an operation.
            true => self.backend.get(self.name, Some(Refresh::Normal)).await?,
            false => self.backend.get(self.name, None).await.unwrap_or(app),
        };
        self.show(&app, console).await?;
        Ok(Waited { app, operation })
    }

    /// Summary, operation and objects, or the whole document.
    async fn show(&self, app: &App, console: &mut Console) -> Result<(), CliError> {
        if let Some(document) = output::document(&app.raw, self.output)? {
            return console.print(&document);
        }
        let url = self.backend.app_url(&app.typed.metadata.name).await;
        let summary = summary::summary(&app.typed, &url, &Windows::NotAsked, Utc::now());
        console.print(&format!("\n{summary}\n"))?;
        if self.conditions.operation
            && let Some(state) = &app.typed.status.operation_state
        {
            console.print(&summary::operation(state, Utc::now()))?;
        }
        match self.output {
            "tree" | "tree=detailed" => {
                let tree = self.backend.resource_tree(self.name).await?;
                let states = resources::states(&app.typed, &[]);
                let detailed = self.output == "tree=detailed";
                console.print(&format!("\n{}", tree::application(&tree.nodes, &states, detailed, Utc::now())))
            }
            _ if app.typed.status.resources.is_empty() => Ok(()),
            _ => console.print(&format!("\n{}", resources::table(&app.typed))),
        }
    }

    async fn timed_out(&self, last: App, console: &mut Console) -> CliError {
        let seconds = self.timeout.unwrap_or_default().as_secs();
        if self.is_talkative() {
            let _ = console.line("\nThis is the state of the app after wait timed out:");
        }
        let app = self.backend.get(self.name, None).await.unwrap_or(last);
        let _ = self.show(&app, console).await;
        if self.is_talkative() {
            let _ = console.line("\nThe command timed out waiting for the conditions to be met.");
        }
        let error = CliError::new(format!(
            "timed out ({seconds}s) waiting for app \"{}\" match desired state",
            self.name
        ));
        match app.typed.status.operation_state.filter(|state| state.finished_at.is_none()) {
            Some(state) if !state.message.is_empty() => {
                error.hint(format!("the operation says: {}", state.message))
            }
            _ => error,
        }
    }
}

/// The rows that were printed, so that only news are.
#[derive(Default)]
struct Progress {
    states: BTreeMap<String, ResourceState>,
}

#[derive(Default)]
struct News {
    rows: String,
    /// An object that became degraded: its health before and after.
    degraded: Option<(String, String)>,
}

impl Progress {
    fn head(&self) -> String {
        let mut table = Table::with_min_width(5);
        table.row(wait_row([
            "TIMESTAMP",
            "GROUP",
            "KIND",
            "NAMESPACE",
            "NAME",
            "STATUS",
            "HEALTH",
            "HOOK",
            "MESSAGE",
        ]));
        table.take()
    }

    fn update(&mut self, app: &Application, selectors: &[ResourceSelector]) -> News {
        let mut new: Vec<ResourceState> = Vec::new();
        for state in resources::states(app, selectors) {
            match new.iter_mut().find(|known| known.key() == state.key()) {
                Some(known) => {
                    known.merge(&state);
                }
                None => new.push(state),
            }
        }
        let mut news = News::default();
        let mut table = Table::with_min_width(5);
        for state in new {
            let key = state.key();
            let shown = match self.states.get_mut(&key) {
                Some(known) => {
                    let was_bad = matches!(&*known.health, "Unknown" | "Degraded");
                    if !was_bad && state.health == "Degraded" {
                        news.degraded = Some((known.health.clone(), state.health.clone()));
                    }
                    known.merge(&state).then(|| known.clone())
                }
                None => {
                    self.states.insert(key, state.clone());
                    Some(state)
                }
            };
            let Some(state) = shown else { continue };
            let at = Utc::now().format("%Y-%m-%dT%H:%M:%S+00:00").to_string();
            table.row(wait_row([
                &*at,
                &*state.group,
                &*state.kind,
                &*state.namespace,
                &*state.name,
                &*state.status,
                &*state.health,
                &*state.hook,
                &*state.message,
            ]));
        }
        news.rows = table.take();
        news
    }
}

/// A row whose cells have the widths of the reference's, so that rows printed one after the other stay in line.
fn wait_row(cells: [&str; 9]) -> Vec<String> {
    const WIDTHS: [usize; 9] = [0, 5, 10, 10, 20, 8, 7, 10, 0];
    cells.iter().zip(WIDTHS).map(|(cell, width)| right(cell, width)).collect()
}

#[cfg(test)]
mod tests;
