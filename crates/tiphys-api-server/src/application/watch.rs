//! `Watch`: Applications as they change.

use std::collections::VecDeque;
use std::sync::Arc;

use futures::StreamExt as _;
use serde::Deserialize;
use serde_json::Value;
use tiphys_wire::WireError;
use tiphys_wire::api::{Call, Document, Reply};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::list::{Filter, Query};
use crate::access::Caller;
use crate::applications::{Change, ChangeKind};
use crate::errors::unreadable;
use crate::server::Shared;

/// `Watch`. Begins with everything that matches, unless the caller says which state it knows and asks for no single
/// Application.
pub(super) async fn watch(server: Shared, caller: Caller, call: Call) -> Result<Reply, WireError> {
    let query = Query::deserialize(&call.request).map_err(|error| unreadable(&error))?;
    let filter = Filter::new(&query)?;
    let (all, changes) = server.applications.snapshot();
    let mut watcher = Watcher { server, caller, filter, changes, waiting: VecDeque::new() };
    if query.resource_version.is_empty() || !query.name.is_empty() {
        watcher.put(ChangeKind::Added, all);
    }
    let stream = futures::stream::unfold(watcher, |mut watcher| async move {
        let event = watcher.next().await?;
        Some((Ok(event), watcher))
    });
    Ok(Reply::Stream(stream.boxed()))
}

struct Watcher {
    server: Shared,
    caller: Caller,
    filter: Filter,
    changes: Receiver<Change>,
    waiting: VecDeque<Change>,
}

impl Watcher {
    fn put(&mut self, kind: ChangeKind, applications: Vec<Arc<Value>>) {
        self.waiting.extend(applications.into_iter().map(|application| Change { kind, application }));
    }

    async fn next(&mut self) -> Option<Document> {
        loop {
            let change = match self.waiting.pop_front() {
                Some(change) => change,
                None => match self.changes.recv().await {
                    Ok(change) => change,
                    Err(RecvError::Lagged(missed)) => {
                        // Who can't keep up gets the state as it is now instead of every step on the way to it.
                        tracing::debug!(missed, "a watcher was too slow and begins anew");
                        let (all, changes) = self.server.applications.snapshot();
                        self.changes = changes;
                        self.put(ChangeKind::Modified, all);
                        continue;
                    }
                    Err(RecvError::Closed) => return None,
                },
            };
            let application = &change.application;
            if self.filter.lets_through(application)
                && self.server.permits_application(&self.caller, "get", application)
            {
                return Some(Document::object([
                    ("type", change.kind.as_str().into()),
                    ("application", change.application.into()),
                ]));
            }
        }
    }
}
