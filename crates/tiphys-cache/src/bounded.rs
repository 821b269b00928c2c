//! A cache in memory bounded by bytes and by age.

use std::hash::Hash;
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;

/// What a [`Bounded`] cache may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Sum of the sizes that were given with the values, in bytes.
    pub bytes: usize,
    /// Age after which a value is no longer returned.
    pub age: Duration,
}

/// Keeps the values used last, as long as they fit and are young enough.
///
/// A value larger than the whole bound is not kept. All methods take `&self` and hold a lock only for the
/// time of a look-up, so values should be cheap to clone (an `Arc`).
#[derive(Debug)]
pub struct Bounded<K: Hash + Eq, V> {
    bounds: Bounds,
    state: Mutex<State<K, V>>,
}

#[derive(Debug)]
struct State<K: Hash + Eq, V> {
    entries: LruCache<K, Entry<V>>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    bytes: usize,
    stored: Instant,
}

impl<K: Hash + Eq, V: Clone> Bounded<K, V> {
    /// An empty cache.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, state: Mutex::new(State { entries: LruCache::unbounded(), bytes: 0 }) }
    }

    /// The value under `key`, when it is there and young enough.
    pub fn get(&self, key: &K) -> Option<V> {
        self.get_at(key, Instant::now())
    }

    /// As [`Bounded::get`], at a given time.
    pub fn get_at(&self, key: &K, now: Instant) -> Option<V> {
        let mut state = self.state.lock();
        let entry = state.entries.get(key)?;
        if now.saturating_duration_since(entry.stored) >= self.bounds.age {
            state.remove(key);
            return None;
        }
        Some(entry.value.clone())
    }

    /// Keeps `value`, which takes `bytes`, and drops what was used longest ago until all fits.
    pub fn insert(&self, key: K, value: V, bytes: usize) {
        self.insert_at(key, value, bytes, Instant::now());
    }

    /// As [`Bounded::insert`], at a given time.
    pub fn insert_at(&self, key: K, value: V, bytes: usize, now: Instant) {
        let mut state = self.state.lock();
        state.remove(&key);
        if bytes > self.bounds.bytes {
            return;
        }
        state.bytes = state.bytes.saturating_add(bytes);
        state.entries.put(key, Entry { value, bytes, stored: now });
        while state.bytes > self.bounds.bytes {
            match state.entries.pop_lru() {
                Some((_, dropped)) => state.bytes = state.bytes.saturating_sub(dropped.bytes),
                None => break,
            }
        }
    }

    /// Drops the value under `key` and returns it.
    pub fn remove(&self, key: &K) -> Option<V> {
        self.state.lock().remove(key)
    }

    /// Drops everything.
    pub fn clear(&self) {
        let mut state = self.state.lock();
        state.entries.clear();
        state.bytes = 0;
    }

    /// Sum of the sizes of what is kept, in bytes.
    pub fn bytes(&self) -> usize {
        self.state.lock().bytes
    }

    /// How many values are kept, expired ones included that nobody asked for since.
    pub fn len(&self) -> usize {
        self.state.lock().entries.len()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K: Hash + Eq, V> State<K, V> {
    fn remove(&mut self, key: &K) -> Option<V> {
        let entry = self.entries.pop(key)?;
        self.bytes = self.bytes.saturating_sub(entry.bytes);
        Some(entry.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(bytes: usize) -> Bounded<&'static str, u32> {
        Bounded::new(Bounds { bytes, age: Duration::from_secs(60) })
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let cache = cache(10);
        cache.insert("a", 1, 4);
        cache.insert("b", 2, 4);
        assert_eq!(cache.get(&"a"), Some(1));
        cache.insert("c", 3, 4);
        assert_eq!(cache.get(&"b"), None);
        assert_eq!((cache.get(&"a"), cache.get(&"c")), (Some(1), Some(3)));
        assert_eq!(cache.bytes(), 8);
    }

    #[test]
    fn an_old_value_is_not_returned_and_frees_its_bytes() {
        let cache = cache(10);
        let start = Instant::now();
        cache.insert_at("a", 1, 4, start);
        assert_eq!(cache.get_at(&"a", start + Duration::from_secs(59)), Some(1));
        assert_eq!(cache.get_at(&"a", start + Duration::from_secs(60)), None);
        assert_eq!((cache.bytes(), cache.len()), (0, 0));
    }

    #[test]
    fn a_value_larger_than_the_bound_is_not_kept_and_replaces_its_older_self() {
        let cache = cache(10);
        cache.insert("a", 1, 4);
        cache.insert("b", 2, 4);
        cache.insert("a", 3, 11);
        assert_eq!(cache.get(&"a"), None);
        assert_eq!(cache.get(&"b"), Some(2));
        assert_eq!(cache.bytes(), 4);
    }

    #[test]
    fn a_replaced_value_is_counted_once() {
        let cache = cache(10);
        for value in 0..100 {
            cache.insert("a", value, 6);
        }
        assert_eq!((cache.get(&"a"), cache.bytes(), cache.len()), (Some(99), 6, 1));
        cache.clear();
        assert!(cache.is_empty());
    }
}
