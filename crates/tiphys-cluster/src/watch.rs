//! List and watch of one kind, for ever: pages, bookmarks, resuming, starting anew when the API server has
//! forgotten.
//!
//! Knows nothing of what the objects are for: a [`Sink`] takes raw JSON. A list reaches the sink as complete
//! or not at all.

mod lines;

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use crate::client::{ApiClient, Call};
use crate::error::{ApiError, ApiStatus};
use crate::link::Backoff;
use crate::path::{ResourceType, query};
use lines::Lines;

/// Objects in one page of a list (TRK-015).
const PAGE: usize = 500;
/// API servers send a bookmark about once a minute. A watch that is silent for longer is taken for dead.
const SILENCE: Duration = Duration::from_secs(150);
/// A watch that ends sooner has a reason to: the next one waits.
const SHORT: Duration = Duration::from_secs(2);
/// Watches that end at the same moment begin again within this time, in milliseconds.
const SPREAD: u64 = 250;

/// What is listed and watched.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) resource: ResourceType,
    /// All namespaces when empty.
    pub(crate) namespace: String,
    /// All objects when empty.
    pub(crate) label_selector: String,
    /// All objects when empty.
    pub(crate) field_selector: String,
}

/// Takes what a watch brings.
pub(crate) trait Sink: Send {
    /// A list begins; what was given of an earlier one that broke off is void.
    fn begin(&mut self);

    /// A page of the list.
    fn page(&mut self, items: &[&RawValue]);

    /// The list is complete.
    fn listed(&mut self, resource_version: &str) -> impl Future<Output = ()> + Send;

    /// Changes, in order.
    fn events(&mut self, events: &[Event<'_>]) -> impl Future<Output = ()> + Send;

    /// Nothing is heard any more, for this reason.
    fn interrupted(&mut self, error: &ApiError) -> impl Future<Output = ()> + Send;

    /// The watch goes on where it broke off.
    fn resumed(&mut self) -> impl Future<Output = ()> + Send;
}

/// One change.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) kind: EventKind,
    pub(crate) meta: EventMeta<'a>,
    pub(crate) object: &'a RawValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    Applied,
    Deleted,
}

/// The little of an object's metadata that is needed to see whether the rest has to be read.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct EventMeta<'a> {
    #[serde(borrow)]
    pub(crate) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) namespace: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) uid: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) resource_version: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    metadata: EventMeta<'a>,
}

#[derive(Deserialize)]
struct WireEvent<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow, default)]
    metadata: PageMeta<'a>,
    #[serde(borrow, default)]
    items: Option<Vec<&'a RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PageMeta<'a> {
    #[serde(borrow)]
    resource_version: Cow<'a, str>,
    #[serde(borrow, rename = "continue")]
    next: Cow<'a, str>,
}

/// How a watch ended.
enum End {
    /// As every watch does after some minutes, or when its connection breaks.
    Closed,
    /// The API server no longer knows the resourceVersion: everything has to be listed again.
    Forgotten(ApiError),
    /// It could not begin, or the API server ended it with a failure.
    Failed(ApiError),
}

/// Lists and watches until the future is dropped. `lists` bounds how many lists are read at the same time.
pub(crate) async fn run(client: &ApiClient, scope: &Scope, lists: &Semaphore, sink: &mut impl Sink) {
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
    let mut at: Option<String> = None;
    let mut lost = false;
    loop {
        client.when_reachable().await;
        let Some(version) = &mut at else {
            let listed = {
                let _permit = lists.acquire().await;
                list(client, scope, sink).await
            };
            match listed {
                Ok(version) => {
                    client.link().report_up();
                    sink.listed(&version).await;
                    lost = false;
                    at = Some(version);
                }
                Err(error) => {
                    sink.interrupted(&error).await;
                    lost = true;
                    client.after_failure(&error, &mut backoff).await;
                }
            }
            continue;
        };
        let began = Instant::now();
        let end = watch(client, scope, version, &mut lost, sink).await;
        let was_short = began.elapsed() < SHORT;
        if !was_short {
            backoff.reset();
        }
        match end {
            End::Closed if was_short => tokio::time::sleep(backoff.next()).await,
            // When the API server ends, all watches end together. The first that finds it gone stops the
            // others.
            End::Closed => tokio::time::sleep(Duration::from_millis(rand::random_range(0..SPREAD))).await,
            End::Forgotten(error) => {
                tracing::debug!(kind = scope.resource.kind, %error, "listing again");
                at = None;
                if was_short {
                    tokio::time::sleep(backoff.next()).await;
                }
            }
            End::Failed(error) => {
                sink.interrupted(&error).await;
                lost = true;
                if !error.is_transport() {
                    at = None;
                }
                client.after_failure(&error, &mut backoff).await;
            }
        }
    }
}

/// Reads a list to its end and gives its resourceVersion.
async fn list(client: &ApiClient, scope: &Scope, sink: &mut impl Sink) -> Result<String, ApiError> {
    sink.begin();
    let mut next = String::new();
    loop {
        let mut path = path(scope);
        query(&mut path, "limit", &PAGE.to_string());
        if !next.is_empty() {
            query(&mut path, "continue", &next);
        }
        let request = format!("GET {}", scope.resource.collection(&scope.namespace));
        let bytes = client.call(call(scope, "list", path)).await?;
        let page: Page<'_> =
            serde_json::from_slice(&bytes).map_err(|source| ApiError::Decode { request, source })?;
        sink.page(page.items.as_deref().unwrap_or_default());
        if page.metadata.next.is_empty() {
            return Ok(page.metadata.resource_version.into_owned());
        }
        next = page.metadata.next.into_owned();
    }
}

/// Watches from a resourceVersion on and moves it along.
async fn watch(
    client: &ApiClient,
    scope: &Scope,
    version: &mut String,
    lost: &mut bool,
    sink: &mut impl Sink,
) -> End {
    let mut path = path(scope);
    query(&mut path, "watch", "true");
    query(&mut path, "allowWatchBookmarks", "true");
    query(&mut path, "timeoutSeconds", &rand::random_range(300..600).to_string());
    query(&mut path, "resourceVersion", version);
    let mut body = match client.stream(call(scope, "watch", path)).await {
        Ok(body) => body,
        Err(error) if error.is_expired() => return End::Forgotten(error),
        Err(error) => return End::Failed(error),
    };
    client.link().report_up();
    if std::mem::take(lost) {
        sink.resumed().await;
    }
    let mut lines = Lines::default();
    loop {
        let data = match timeout(SILENCE, body.next()).await {
            Err(_) => {
                tracing::debug!(kind = scope.resource.kind, "the watch is silent, starting another");
                return End::Closed;
            }
            Ok(None) => return End::Closed,
            // A broken connection is no news yet: the next try tells whether something is wrong.
            Ok(Some(Err(error))) => {
                tracing::debug!(kind = scope.resource.kind, %error, "the watch broke off, starting another");
                return End::Closed;
            }
            Ok(Some(Ok(data))) => data,
        };
        let Some(complete) = lines.push(data) else {
            if lines.is_too_long() {
                return End::Forgotten(broken("the API server sent an event without end"));
            }
            continue;
        };
        if let Err(end) = deliver(&complete, version, sink).await {
            return end;
        }
    }
}

/// Gives the events of complete lines to the sink and moves the resourceVersion behind them.
async fn deliver(complete: &Bytes, version: &mut String, sink: &mut impl Sink) -> Result<(), End> {
    let mut events = Vec::new();
    let mut newest = None;
    let mut end = None;
    for line in complete.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match read(line) {
            Ok(Line::Event(event)) => {
                newest = Some(event.meta.resource_version.clone().into_owned());
                events.push(event);
            }
            Ok(Line::Bookmark(meta)) => newest = Some(meta.resource_version.into_owned()),
            Ok(Line::Other) => {}
            Err(failure) => {
                end = Some(failure);
                break;
            }
        }
    }
    if !events.is_empty() {
        sink.events(&events).await;
    }
    if let Some(newest) = newest.filter(|newest| !newest.is_empty()) {
        *version = newest;
    }
    end.map_or(Ok(()), Err)
}

enum Line<'a> {
    Event(Event<'a>),
    Bookmark(EventMeta<'a>),
    Other,
}

fn read(line: &[u8]) -> Result<Line<'_>, End> {
    let unreadable = |source| End::Forgotten(ApiError::Decode { request: "a watch".to_owned(), source });
    let event: WireEvent<'_> = serde_json::from_slice(line).map_err(unreadable)?;
    let kind = match &*event.kind {
        "ADDED" | "MODIFIED" => EventKind::Applied,
        "DELETED" => EventKind::Deleted,
        "BOOKMARK" => {
            let head: Head<'_> = serde_json::from_str(event.object.get()).map_err(unreadable)?;
            return Ok(Line::Bookmark(head.metadata));
        }
        "ERROR" => {
            let status = ApiStatus::of(500, None, event.object.get().as_bytes());
            let error = ApiError::Status(Box::new(status));
            return Err(if error.is_expired() { End::Forgotten(error) } else { End::Failed(error) });
        }
        _ => return Ok(Line::Other),
    };
    let head: Head<'_> = serde_json::from_str(event.object.get()).map_err(unreadable)?;
    Ok(Line::Event(Event { kind, meta: head.metadata, object: event.object }))
}

fn broken(message: &str) -> ApiError {
    ApiError::Status(Box::new(ApiStatus {
        code: 500,
        reason: String::new(),
        message: message.to_owned(),
        retry_after: None,
    }))
}

fn path(scope: &Scope) -> String {
    let mut path = scope.resource.collection(&scope.namespace);
    if !scope.label_selector.is_empty() {
        query(&mut path, "labelSelector", &scope.label_selector);
    }
    if !scope.field_selector.is_empty() {
        query(&mut path, "fieldSelector", &scope.field_selector);
    }
    path
}

fn call<'a>(scope: &'a Scope, verb: &'static str, path: String) -> Call<'a> {
    Call { verb, kind: &scope.resource.kind, namespace: &scope.namespace, ..Call::get(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_watch_become_events() {
        let line = br#"{"type":"MODIFIED","object":{"kind":"Pod","metadata":{"name":"a","namespace":"b","uid":"u","resourceVersion":"7","labels":{}},"spec":{}}}"#;
        let Ok(Line::Event(event)) = read(line) else { panic!("no event") };
        assert_eq!(event.kind, EventKind::Applied);
        assert_eq!((&*event.meta.name, &*event.meta.namespace), ("a", "b"));
        assert_eq!((&*event.meta.uid, &*event.meta.resource_version), ("u", "7"));

        let bookmark = br#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"#;
        assert!(matches!(read(bookmark), Ok(Line::Bookmark(meta)) if meta.resource_version == "9"));
    }

    #[test]
    fn a_forgotten_version_and_an_unreadable_line_lead_to_a_new_list() {
        let expired = br#"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"#;
        assert!(matches!(read(expired), Err(End::Forgotten(_))));
        assert!(matches!(read(b"{\"type\":"), Err(End::Forgotten(_))));
        let other = br#"{"type":"ERROR","object":{"kind":"Status","code":500,"message":"no"}}"#;
        assert!(matches!(read(other), Err(End::Failed(_))));
    }
}
