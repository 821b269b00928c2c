//! What follows when an attempt has ended: the terminal record, or another attempt later.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tiphys_api::application::{OperationState, RetryStrategy};
use tiphys_api::duration::{ParseDurationError, parse_duration_or_seconds};
use tiphys_api::time::Time;
use tiphys_api::words::OperationPhase;

/// The wait before the first retry where the strategy says nothing.
pub const DEFAULT_DURATION: Duration = Duration::from_secs(5);
/// The longest wait where the strategy says nothing.
pub const DEFAULT_MAX_DURATION: Duration = Duration::from_secs(180);
/// By how much each wait is longer than the one before where the strategy says nothing.
pub const DEFAULT_FACTOR: i64 = 2;

/// What follows an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the operation has ended. Its record, the removal of `operation` and, after a success, the history
    /// entry go into one patch ([`crate::record::terminal_patch`]).
    Done,
    /// Another attempt at this time; until then the operation stays Running with `finishedAt` set.
    RetryAt(DateTime<Utc>),
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Conclusion {
    /// The operation's state as it is to be recorded.
    pub state: OperationState,
    /// What follows.
    pub next: Next,
}

/// The wait before the next attempt when `retries` have been made: `duration · factor^retries`, at most `maxDuration`.
///
/// # Errors
/// When a duration of the strategy is none.
pub fn wait(strategy: &RetryStrategy, retries: i64) -> Result<Duration, ParseDurationError> {
    let backoff = strategy.backoff.clone().unwrap_or_default();
    let parse = |text: &str, default: Duration| {
        if text.is_empty() { Ok(default) } else { parse_duration_or_seconds(text) }
    };
    let first = parse(&backoff.duration, DEFAULT_DURATION)?;
    let longest = parse(&backoff.max_duration, DEFAULT_MAX_DURATION)?;
    let factor = backoff.factor.unwrap_or(DEFAULT_FACTOR).max(0) as f64;
    let exponent = i32::try_from(retries.max(0)).unwrap_or(i32::MAX);
    let seconds = first.as_secs_f64() * factor.powi(exponent);
    // A year is as good as never, and stays countable.
    let wait =
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).min(Duration::from_secs(31_536_000));
    Ok(if longest.is_zero() { wait } else { wait.min(longest) })
}

/// Ends an attempt with this phase and message. A failed one is followed by another while the strategy allows it and
/// nobody has told the operation to stop.
pub fn conclude(
    mut state: OperationState,
    phase: OperationPhase,
    message: String,
    terminated: bool,
    now: DateTime<Utc>,
) -> Conclusion {
    state.finished_at = Some(Time::new(now));
    state.phase = phase;
    state.message = message;
    if state.phase.is_failed() {
        let limit = state.operation.retry.limit;
        if !terminated && (limit < 0 || state.retry_count < limit) {
            match wait(&state.operation.retry, state.retry_count) {
                Ok(wait) => {
                    let at = now + wait;
                    state.phase = OperationPhase::Running;
                    state.retry_count += 1;
                    state.message = format!(
                        "{}. Retrying attempt #{} at {}.",
                        state.message,
                        state.retry_count,
                        at.format("%-I:%M%p")
                    );
                    return Conclusion { state, next: Next::RetryAt(at) };
                }
                Err(error) => {
                    state.phase = OperationPhase::Error;
                    state.message = format!("{} (failed to retry: {error})", state.message);
                }
            }
        } else if state.retry_count > 0 {
            state.message = format!("{} (retried {} times).", state.message, state.retry_count);
        }
    }
    Conclusion { state, next: Next::Done }
}

/// When an operation that waits for its next attempt is to go on; `None` when it does not wait. Read from the record,
/// so that a restarted controller keeps the appointment.
pub fn pending_retry(state: &OperationState) -> Option<DateTime<Utc>> {
    let finished_at = state.finished_at.filter(|_| state.phase == OperationPhase::Running)?;
    let wait = wait(&state.operation.retry, state.retry_count - 1).unwrap_or(DEFAULT_DURATION);
    Some(finished_at.as_datetime() + wait)
}

/// Begins the next attempt: results are cleared. The revision stays, unless the strategy asks for the newest one.
pub fn start_retry(state: &mut OperationState) {
    let refresh = state.operation.retry.refresh;
    state.finished_at = None;
    state.message = format!(
        "Retrying operation{}. Attempt #{}",
        if refresh { " with latest revisions" } else { "" },
        state.retry_count
    );
    if refresh {
        state.sync_result = None;
        if let Some(sync) = &mut state.operation.sync {
            sync.revision.clear();
            sync.revisions.clear();
        }
    } else if let Some(result) = &mut state.sync_result {
        result.resources.clear();
    }
}

#[cfg(test)]
mod tests {
    use tiphys_api::application::Backoff;

    use super::*;

    fn strategy(limit: i64, duration: &str, factor: Option<i64>, longest: &str) -> RetryStrategy {
        let backoff = Backoff { duration: duration.into(), factor, max_duration: longest.into() };
        RetryStrategy { limit, backoff: Some(backoff), refresh: false }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    // covers: APP-037
    #[test]
    fn the_wait_grows_by_the_factor_up_to_the_maximum() {
        let seconds = |strategy: &RetryStrategy, retries| wait(strategy, retries).unwrap().as_secs();
        let default = RetryStrategy::default();
        let waits: Vec<u64> = (0..8).map(|retries| seconds(&default, retries)).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 180, 180]);
        assert_eq!(seconds(&strategy(1, "10", Some(3), "1m"), 1), 30);
        assert_eq!(seconds(&strategy(1, "10", Some(3), "1m"), 2), 60);
        assert_eq!(seconds(&strategy(1, "1m", Some(2), "0"), 5), 1920);
        assert_eq!(seconds(&strategy(1, "5s", Some(2), "0"), 100_000), 31_536_000);
        let error = wait(&strategy(1, "soon", None, ""), 0).unwrap_err().to_string();
        assert!(error.contains("soon"), "{error}");
    }

    fn failed(limit: i64, retry_count: i64, terminated: bool) -> Conclusion {
        let mut state = OperationState { retry_count, ..OperationState::default() };
        state.operation.retry.limit = limit;
        let now = at("2026-03-04T15:04:55Z");
        conclude(state, OperationPhase::Failed, "it broke".into(), terminated, now)
    }

    // covers: SYN-024, APP-036
    #[test]
    fn a_failed_attempt_is_followed_by_another_until_the_limit() {
        let first = failed(2, 0, false);
        assert_eq!(first.next, Next::RetryAt(at("2026-03-04T15:05:00Z")));
        assert_eq!(first.state.phase, OperationPhase::Running);
        assert_eq!(first.state.retry_count, 1);
        assert_eq!(first.state.message, "it broke. Retrying attempt #1 at 3:05PM.");
        assert_eq!(first.state.finished_at, Some(Time::new(at("2026-03-04T15:04:55Z"))));
        assert_eq!(pending_retry(&first.state), Some(at("2026-03-04T15:05:00Z")));
        let last = failed(2, 2, false);
        assert_eq!(last.next, Next::Done);
        assert_eq!(last.state.message, "it broke (retried 2 times).");
        assert_eq!(last.state.phase, OperationPhase::Failed);
        assert_eq!(failed(0, 0, false).state.message, "it broke");
        assert!(matches!(failed(-1, 999, false).next, Next::RetryAt(_)));
    }

    // covers: SYN-026
    #[test]
    fn a_terminated_operation_is_not_tried_again() {
        assert_eq!(failed(5, 0, true).next, Next::Done);
    }

    #[test]
    fn a_backoff_that_can_not_be_read_ends_the_operation_with_the_reason() {
        let mut state = OperationState::default();
        state.operation.retry = strategy(3, "soon", None, "");
        let end =
            conclude(state, OperationPhase::Failed, "it broke".into(), false, at("2026-03-04T15:04:55Z"));
        assert_eq!((end.next, end.state.phase), (Next::Done, OperationPhase::Error));
        assert!(end.state.message.starts_with("it broke (failed to retry: "), "{}", end.state.message);
    }

    // covers: APP-038, SYN-030
    #[test]
    fn a_retry_keeps_the_revision_unless_it_is_to_be_refreshed() {
        let mut state = OperationState { retry_count: 1, ..OperationState::default() };
        state.operation.sync =
            Some(tiphys_api::application::SyncOperation { revision: "abc".into(), ..Default::default() });
        state.sync_result = Some(tiphys_api::application::SyncOperationResult {
            revision: "abc".into(),
            resources: vec![Default::default()],
            ..Default::default()
        });
        let mut kept = state.clone();
        start_retry(&mut kept);
        let result = kept.sync_result.unwrap();
        assert_eq!((&*result.revision, result.resources.len()), ("abc", 0));
        assert_eq!(kept.message, "Retrying operation. Attempt #1");
        state.operation.retry.refresh = true;
        start_retry(&mut state);
        assert_eq!(state.sync_result, None);
        assert_eq!(state.operation.sync.unwrap().revision, "");
        assert_eq!(state.message, "Retrying operation with latest revisions. Attempt #1");
    }
}
