//! Equal requests that are in flight at the same time share one computation.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The computation panicked. It is not remembered: the next caller starts a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the computation ended without a result")]
pub struct ComputationLost;

/// Runs at most one computation per key at a time; who asks meanwhile gets the same result.
///
/// The computation is a task of its own, so a caller that goes away does not take it from the others. When
/// all callers are gone it is cancelled. Nothing is kept once it has ended.
#[derive(Debug)]
pub struct Joined<K, V> {
    flights: Arc<Mutex<Flights<K, V>>>,
}

#[derive(Debug)]
struct Flights<K, V> {
    by_key: HashMap<K, (u64, Weak<Flight<V>>)>,
    started: u64,
}

#[derive(Debug)]
struct Flight<V> {
    result: watch::Receiver<Option<V>>,
    task: AbortHandle,
}

impl<V> Drop for Flight<V> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<K, V> Default for Joined<K, V> {
    fn default() -> Self {
        Self { flights: Arc::new(Mutex::new(Flights { by_key: HashMap::new(), started: 0 })) }
    }
}

impl<K, V> Joined<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Nothing in flight.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Joins the computation in flight for `key`, or starts `compute`. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// When the computation panicked.
    pub async fn run<F>(&self, key: K, compute: impl FnOnce() -> F) -> Result<V, ComputationLost>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let flight = self.join_or_start(key, compute);
        let mut result = flight.result.clone();
        let value = result.wait_for(Option::is_some).await.map_err(|_| ComputationLost)?;
        value.clone().ok_or(ComputationLost)
    }

    /// How many computations are in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flights.lock().by_key.len()
    }

    fn join_or_start<F>(&self, key: K, compute: impl FnOnce() -> F) -> Arc<Flight<V>>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut flights = self.flights.lock();
        if let Some(flight) = flights.by_key.get(&key).and_then(|(_, flight)| flight.upgrade()) {
            return flight;
        }
        flights.started += 1;
        let id = flights.started;
        let entry = TableEntry { flights: Arc::clone(&self.flights), key: key.clone(), id };
        let (sender, result) = watch::channel(None);
        let computation = compute();
        let task = tokio::spawn(async move {
            // Whatever ends the task, the entry goes first: who comes after the result is there starts anew.
            let value = {
                let _entry = entry;
                computation.await
            };
            sender.send_replace(Some(value));
        });
        let flight = Arc::new(Flight { result, task: task.abort_handle() });
        flights.by_key.insert(key, (id, Arc::downgrade(&flight)));
        flight
    }
}

/// The place of one flight in the table; dropping it takes the flight out.
struct TableEntry<K: Hash + Eq, V> {
    flights: Arc<Mutex<Flights<K, V>>>,
    key: K,
    id: u64,
}

impl<K: Hash + Eq, V> Drop for TableEntry<K, V> {
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        // The key of a cancelled flight may already belong to its successor.
        if flights.by_key.get(&self.key).is_some_and(|(id, _)| *id == self.id) {
            flights.by_key.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn callers_with_the_same_key_share_one_computation() {
        let joined = Arc::new(Joined::<u8, usize>::new());
        let runs = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Notify::new());
        let callers: Vec<_> = (0..50)
            .map(|_| {
                let (joined, runs, gate) = (Arc::clone(&joined), Arc::clone(&runs), Arc::clone(&gate));
                tokio::spawn(async move {
                    joined
                        .run(1, || async move {
                            gate.notified().await;
                            runs.fetch_add(1, Ordering::SeqCst) + 1
                        })
                        .await
                })
            })
            .collect();
        while joined.in_flight() == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        gate.notify_one();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), Ok(1));
        }
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        assert_eq!(joined.in_flight(), 0);
    }

    #[tokio::test]
    async fn a_leader_that_goes_away_does_not_take_the_result_from_its_followers() {
        let joined = Arc::new(Joined::<u8, &'static str>::new());
        let gate = Arc::new(Notify::new());
        let start = |joined: Arc<Joined<u8, &'static str>>, gate: Arc<Notify>| {
            tokio::spawn(async move {
                joined
                    .run(1, || async move {
                        gate.notified().await;
                        "done"
                    })
                    .await
            })
        };
        let leader = start(Arc::clone(&joined), Arc::clone(&gate));
        while joined.in_flight() == 0 {
            tokio::task::yield_now().await;
        }
        let follower = start(Arc::clone(&joined), Arc::clone(&gate));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        leader.abort();
        assert!(leader.await.is_err());
        gate.notify_one();
        assert_eq!(follower.await.unwrap(), Ok("done"));
    }

    #[tokio::test]
    async fn a_computation_that_nobody_waits_for_is_cancelled_and_the_next_caller_starts_anew() {
        let joined = Arc::new(Joined::<u8, u8>::new());
        let inner = Arc::clone(&joined);
        let caller = tokio::spawn(async move { inner.run(1, std::future::pending::<u8>).await });
        while joined.in_flight() == 0 {
            tokio::task::yield_now().await;
        }
        caller.abort();
        assert!(caller.await.is_err());
        assert_eq!(joined.run(1, || async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_for_those_who_wait_and_nothing_for_those_who_come_later() {
        let joined = Joined::<u8, u8>::new();
        assert_eq!(joined.run(1, || async { panic!("on purpose") }).await, Err(ComputationLost));
        assert_eq!(joined.run(1, || async { 3 }).await, Ok(3));
    }
}
