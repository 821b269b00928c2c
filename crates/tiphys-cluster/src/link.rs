//! Whether an API server can be reached at all, shared by everything that talks to it.
//!
//! While it can't, one task asks for it with growing intervals and all watches wait for the answer: sixty
//! watches that knock at a closed door would be a flood when it opens, and noise until then.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use crate::client::{ApiClient, Call};
use crate::error::ApiError;

/// Whether the API server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reachability {
    /// Not tried yet.
    Unknown,
    /// The last request was answered.
    Up,
    /// The last request was not answered, for this reason.
    Down(Arc<str>),
}

#[derive(Debug)]
pub(crate) struct Link {
    state: watch::Sender<Reachability>,
    probing: Mutex<()>,
}

impl Default for Link {
    fn default() -> Self {
        Self { state: watch::Sender::new(Reachability::Unknown), probing: Mutex::new(()) }
    }
}

impl Link {
    pub(crate) fn subscribe(&self) -> watch::Receiver<Reachability> {
        self.state.subscribe()
    }

    pub(crate) fn report_up(&self) {
        self.set(Reachability::Up);
    }

    pub(crate) fn report_down(&self, reason: &str) {
        self.set(Reachability::Down(reason.into()));
    }

    fn set(&self, state: Reachability) {
        self.state.send_if_modified(|current| {
            let differs = *current != state;
            *current = state;
            differs
        });
    }

    fn is_down(&self) -> bool {
        matches!(*self.state.borrow(), Reachability::Down(_))
    }
}

impl ApiClient {
    /// Takes note of a failure and waits as long as is right before the next try: until the API server
    /// answers again when it did not, or by `backoff` when it answered with a failure.
    pub(crate) async fn after_failure(&self, error: &ApiError, backoff: &mut Backoff) {
        if error.is_transport() {
            self.link().report_down(&error.to_string());
            self.when_reachable().await;
        } else {
            let asked = error.status().and_then(|status| status.retry_after).unwrap_or_default();
            tokio::time::sleep(backoff.next().max(asked.min(Duration::from_secs(60)))).await;
        }
    }

    /// Returns at once while the API server answers, and else when it does again. Those who waited do not all
    /// go on at the same moment.
    pub(crate) async fn when_reachable(&self) {
        if self.link().is_down() {
            self.wait_reachable().await;
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..250))).await;
        }
    }

    /// Returns when the API server answers. Only one caller at a time asks it.
    async fn wait_reachable(&self) {
        let _one = self.link().probing.lock().await;
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(15));
        while self.link().is_down() {
            tokio::time::sleep(backoff.next()).await;
            match self.call(Call::get("/version")).await {
                Err(error) if error.is_transport() => self.link().report_down(&error.to_string()),
                _ => self.link().report_up(),
            }
        }
    }
}

/// Growing intervals with jitter.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, next: first }
    }

    /// The next interval: between half of it and the whole.
    pub(crate) fn next(&mut self) -> Duration {
        let now = self.next;
        self.next = (now * 2).min(self.longest);
        now.mul_f64(rand::random_range(0.5..1.0))
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_double_up_to_a_limit_and_start_anew_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(4));
        let bounds = [(0.5, 1.0), (1.0, 2.0), (2.0, 4.0), (2.0, 4.0)];
        for (low, high) in bounds {
            let next = backoff.next().as_secs_f64();
            assert!((low..=high).contains(&next), "{next} is not within {low} and {high}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_secs(1));
    }
}
