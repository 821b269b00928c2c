//! The connections that watches share.
//!
//! A server allows only so many requests at a time on one HTTP/2 connection; more wait without a word. A
//! cluster with hundreds of kinds therefore gets several connections, one more whenever the others are full.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::BodyExt;
use kube::client::Body;
use parking_lot::Mutex;

use crate::transport::{self, Protocol, TransportError};

/// Watches on one connection. API servers allow 100 to 250, proxies before them often 100 or 128.
const PER_CONNECTION: usize = 80;

pub(crate) struct WatchConnections {
    config: kube::Config,
    first: Connection,
    more: Mutex<Vec<Connection>>,
}

struct Connection {
    client: kube::Client,
    watches: Arc<AtomicUsize>,
}

/// A place for one watch on a connection, given back when it is dropped.
pub(crate) struct Slot {
    pub(crate) client: kube::Client,
    watches: Arc<AtomicUsize>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.watches.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a watch answers, piece by piece. Holds the place on its connection.
pub(crate) struct WatchBody {
    body: Body,
    _slot: Slot,
}

impl WatchBody {
    pub(crate) fn new(body: Body, slot: Slot) -> Self {
        Self { body, _slot: slot }
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, kube::Error>> {
        loop {
            match self.body.frame().await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(Ok(data));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl WatchConnections {
    pub(crate) fn new(config: &kube::Config) -> Result<Self, TransportError> {
        // The first one shows at once whether the configuration can be used.
        let first = Connection::new(transport::client(config, Protocol::Http2)?);
        Ok(Self { config: config.clone(), first, more: Mutex::new(Vec::new()) })
    }

    /// A place on the first connection that has one.
    pub(crate) fn slot(&self) -> Slot {
        if let Some(slot) = self.first.take(PER_CONNECTION) {
            return slot;
        }
        let mut more = self.more.lock();
        if let Some(slot) = more.iter().find_map(|it| it.take(PER_CONNECTION)) {
            return slot;
        }
        match transport::client(&self.config, Protocol::Http2) {
            Ok(client) => {
                let connection = Connection::new(client);
                let slot = connection.take_any();
                more.push(connection);
                slot
            }
            // The credentials were good a moment ago. Waiting in a queue is better than no watch.
            Err(_) => self.first.take_any(),
        }
    }
}

impl Connection {
    fn new(client: kube::Client) -> Self {
        Self { client, watches: Arc::default() }
    }

    fn take(&self, limit: usize) -> Option<Slot> {
        (self.watches.load(Ordering::Relaxed) < limit).then(|| self.take_any())
    }

    fn take_any(&self) -> Slot {
        self.watches.fetch_add(1, Ordering::Relaxed);
        Slot { client: self.client.clone(), watches: self.watches.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_connection_is_followed_by_another_and_places_are_used_again() {
        let config = kube::Config::new(http::Uri::from_static("http://192.0.2.1"));
        let connections = WatchConnections::new(&config).unwrap();
        let mut slots: Vec<Slot> = (0..PER_CONNECTION).map(|_| connections.slot()).collect();
        assert_eq!(connections.more.lock().len(), 0);
        slots.extend((0..PER_CONNECTION).map(|_| connections.slot()));
        assert_eq!(connections.more.lock().len(), 1);
        slots.truncate(PER_CONNECTION / 2);
        slots.extend((0..PER_CONNECTION).map(|_| connections.slot()));
        assert_eq!(connections.more.lock().len(), 1);
    }
}
