//! Sources that fail again and again are left alone for a while: the same commit with the same parameters fails the
//! same way, and may take minutes of a processor to do so.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use lru::LruCache;
use parking_lot::Mutex;

use crate::config::Pause;

/// Sources whose failures are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9_999);

/// Hash of what was asked for: the commits, the source, its parameters.
pub(crate) type AskedKey = [u8; 32];

#[derive(Clone, Debug)]
struct Record {
    first: Instant,
    failures: u32,
    answered: u32,
    text: Arc<str>,
}

/// Failures by what was asked for.
#[derive(Debug)]
pub(crate) struct Failures {
    pause: Pause,
    records: Mutex<LruCache<AskedKey, Record>>,
}

impl Failures {
    pub(crate) fn new(pause: Pause) -> Self {
        Self { pause, records: Mutex::new(LruCache::new(REMEMBERED)) }
    }

    /// The text to answer with instead of trying again.
    pub(crate) fn paused(&self, key: &AskedKey, now: Instant) -> Option<Arc<str>> {
        if self.pause.after_failures == 0 {
            return None;
        }
        let mut records = self.records.lock();
        let record = records.get_mut(key).filter(|record| record.failures >= self.pause.after_failures)?;
        let too_old =
            !self.pause.period.is_zero() && now.saturating_duration_since(record.first) >= self.pause.period;
        let too_often = self.pause.requests > 0 && record.answered >= self.pause.requests;
        if too_old || too_often {
            records.pop(key);
            return None;
        }
        record.answered += 1;
        Some(Arc::clone(&record.text))
    }

    pub(crate) fn failed(&self, key: AskedKey, text: &str, now: Instant) {
        if self.pause.after_failures == 0 {
            return;
        }
        let mut records = self.records.lock();
        let text: Arc<str> = Arc::from(text);
        match records.get_mut(&key) {
            Some(record) => {
                record.failures = record.failures.saturating_add(1);
                record.text = text;
            }
            None => {
                records.put(key, Record { first: now, failures: 1, answered: 0, text });
            }
        }
    }

    pub(crate) fn forget(&self, key: &AskedKey) {
        self.records.lock().pop(key);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn failures(after_failures: u32, minutes: u64, requests: u32) -> Failures {
        Failures::new(Pause { after_failures, period: Duration::from_secs(minutes * 60), requests })
    }

    // covers: TOOL-017, TOOL-018, TOOL-019, TOOL-020
    #[test]
    fn after_three_failures_the_error_is_repeated_until_the_time_or_the_requests_are_over() {
        let start = Instant::now();
        let minutes = |n: u64| start + Duration::from_secs(60 * n);
        let by_time = failures(3, 60, 0);
        for _ in 0..2 {
            by_time.failed([1; 32], "broken", start);
            assert_eq!(by_time.paused(&[1; 32], start), None);
        }
        by_time.failed([1; 32], "broken", start);
        assert_eq!(by_time.paused(&[1; 32], minutes(59)).as_deref(), Some("broken"));
        assert_eq!(by_time.paused(&[2; 32], minutes(59)), None);
        assert_eq!(by_time.paused(&[1; 32], minutes(60)), None);
        by_time.failed([1; 32], "broken", minutes(60));
        assert_eq!(by_time.paused(&[1; 32], minutes(60)), None);

        let by_requests = failures(1, 0, 2);
        by_requests.failed([1; 32], "broken", start);
        assert!(by_requests.paused(&[1; 32], minutes(10_000)).is_some());
        assert!(by_requests.paused(&[1; 32], start).is_some());
        assert!(by_requests.paused(&[1; 32], start).is_none());

        let off = failures(0, 60, 0);
        off.failed([1; 32], "broken", start);
        assert!(off.paused(&[1; 32], start).is_none());
    }

    #[test]
    fn a_success_forgets_the_failures() {
        let start = Instant::now();
        let failures = failures(1, 60, 0);
        failures.failed([1; 32], "broken", start);
        failures.forget(&[1; 32]);
        assert!(failures.paused(&[1; 32], start).is_none());
    }
}
