//! How often a name failed to sign in lately.
//!
//! Kept in memory by name: a guesser is slowed down, and a flood of made-up names takes a bounded place. Limits as the
//! reference has them (five failures within five minutes).

use std::collections::HashMap;
use std::time::Duration;

/// How many failures are let pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimits {
    /// Failures after which a name is refused unseen (`ARGOCD_SESSION_FAILURE_MAX_FAIL_COUNT`); 0: never.
    pub max_failures: u32,
    /// Time after the last failure in which they count (`ARGOCD_SESSION_FAILURE_WINDOW_SECONDS`).
    pub window: Duration,
    /// Names that are remembered (`ARGOCD_SESSION_MAX_CACHE_SIZE`).
    pub max_names: usize,
}

impl Default for AttemptLimits {
    fn default() -> Self {
        Self { max_failures: 5, window: Duration::from_secs(300), max_names: 10_000 }
    }
}

/// Failures by name. Times are seconds since the epoch.
#[derive(Debug)]
pub struct Attempts {
    limits: AttemptLimits,
    failures: HashMap<String, Failures>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: i64,
}

impl Attempts {
    /// Nothing has failed yet.
    pub fn new(limits: AttemptLimits) -> Self {
        Self { limits, failures: HashMap::new() }
    }

    /// Whether a password of this name is worth looking at.
    pub fn allows(&self, name: &str, now: i64) -> bool {
        let Some(failures) = self.failures.get(name) else { return true };
        self.limits.max_failures == 0
            || failures.count < self.limits.max_failures
            || self.is_over(failures, now)
    }

    /// Counts a failure.
    pub fn failed(&mut self, name: &str, now: i64) {
        let over = self.failures.get(name).is_some_and(|failures| self.is_over(failures, now));
        if over {
            self.failures.remove(name);
        }
        if !self.failures.contains_key(name) && self.failures.len() >= self.limits.max_names {
            self.make_room(now);
        }
        let failures = self.failures.entry(name.to_owned()).or_insert(Failures { count: 0, last: now });
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }

    /// Forgets the failures of a name that signed in.
    pub fn succeeded(&mut self, name: &str) {
        self.failures.remove(name);
    }

    fn is_over(&self, failures: &Failures, now: i64) -> bool {
        let window = i64::try_from(self.limits.window.as_secs()).unwrap_or(i64::MAX);
        now.saturating_sub(failures.last) >= window
    }

    /// Names with few failures go first: a guesser can't push out the memory of its own guesses with made-up names.
    fn make_room(&mut self, now: i64) {
        let limits = self.limits;
        let window = i64::try_from(limits.window.as_secs()).unwrap_or(i64::MAX);
        self.failures.retain(|_, failures| now.saturating_sub(failures.last) < window);
        while self.failures.len() >= limits.max_names.max(1) {
            let least = self.failures.iter().min_by_key(|(_, failures)| (failures.count, failures.last));
            let Some(name) = least.map(|(name, _)| name.clone()) else { return };
            self.failures.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: USR-011
    #[test]
    fn the_sixth_try_within_five_minutes_is_refused_and_one_after_them_is_not() {
        let mut attempts = Attempts::new(AttemptLimits::default());
        for second in 0..5 {
            assert!(attempts.allows("admin", second));
            attempts.failed("admin", second);
        }
        assert!(!attempts.allows("admin", 5));
        assert!(attempts.allows("other", 5));
        assert!(!attempts.allows("admin", 303));
        assert!(attempts.allows("admin", 304));
        attempts.failed("admin", 304);
        assert!(attempts.allows("admin", 305), "the count began anew");
    }

    #[test]
    fn a_success_forgets_the_failures_before_it() {
        let mut attempts = Attempts::new(AttemptLimits::default());
        for _ in 0..4 {
            attempts.failed("admin", 0);
        }
        attempts.succeeded("admin");
        attempts.failed("admin", 1);
        assert!(attempts.allows("admin", 2));
    }

    #[test]
    fn made_up_names_do_not_push_out_a_name_under_attack() {
        let limits = AttemptLimits { max_names: 10, ..AttemptLimits::default() };
        let mut attempts = Attempts::new(limits);
        for _ in 0..5 {
            attempts.failed("admin", 0);
        }
        for made_up in 0..100 {
            attempts.failed(&format!("user-{made_up}"), 1);
        }
        assert!(!attempts.allows("admin", 2));
        assert!(attempts.failures.len() <= 10);
    }
}
