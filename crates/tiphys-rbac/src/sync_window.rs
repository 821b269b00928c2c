//! Sync windows: times at which applications of a project may, or may not, be synced (SYN-077 to SYN-088).

use chrono::{DateTime, Duration, NaiveDateTime, Offset, TimeZone, Utc};
use tiphys_api::Application;
use tiphys_api::duration::parse_duration;
use tiphys_api::project::SyncWindow;
use tiphys_settings::glob;

use crate::cron::Schedule;

/// Who asks for a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncKind {
    /// A user.
    Manual,
    /// Automated sync.
    Automated,
}

/// Why windows cannot be evaluated. Then nothing is synced: a window that was meant to forbid must not permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyncWindowError {
    /// The schedule is none.
    #[error("cannot parse schedule '{schedule}': {reason}")]
    Schedule {
        /// The schedule.
        schedule: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The duration is none.
    #[error("cannot parse duration '{duration}': {reason}")]
    Duration {
        /// The duration.
        duration: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The kind is neither `allow` nor `deny`.
    #[error("kind '{kind}' mismatch: can only be allow or deny")]
    Kind {
        /// The kind.
        kind: String,
    },
}

/// The windows that are for one application.
#[derive(Clone, Debug, Default)]
pub struct SyncWindows {
    windows: Vec<SyncWindow>,
}

impl SyncWindows {
    /// The windows among those of a project (global projects' included) that are for an application.
    #[must_use]
    pub fn matching(windows: &[SyncWindow], app: &Application) -> Self {
        Self { windows: windows.iter().filter(|window| is_for(window, app)).cloned().collect() }
    }

    /// The windows, in the order of the project.
    pub fn iter(&self) -> impl Iterator<Item = &SyncWindow> {
        self.windows.iter()
    }

    /// There are none, so that everything is allowed at any time.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// The windows that are open at a time.
    ///
    /// # Errors
    ///
    /// The first window that cannot be evaluated.
    pub fn active(&self, now: DateTime<Utc>) -> Result<Vec<&SyncWindow>, SyncWindowError> {
        let mut active = Vec::new();
        for window in &self.windows {
            if is_open(window, now)? {
                active.push(window);
            }
        }
        Ok(active)
    }

    /// Whether a sync is allowed now. An open window that denies wins over all others. Where there are windows that allow,
    /// one of them has to be open. A sync that began while it was allowed may go on where all windows that would now
    /// forbid it say so (`syncOverrun`); `started_at` is when it began.
    ///
    /// # Errors
    ///
    /// The first window that cannot be evaluated.
    pub fn can_sync(
        &self,
        kind: SyncKind,
        now: DateTime<Utc>,
        started_at: Option<DateTime<Utc>>,
    ) -> Result<bool, SyncWindowError> {
        let obstacles = self.obstacles(now)?;
        if obstacles.is_empty()
            || kind == SyncKind::Manual && obstacles.iter().all(|window| window.manual_sync)
        {
            return Ok(true);
        }
        match started_at {
            Some(started_at) if obstacles.iter().all(|window| window.sync_overrun) => {
                self.can_sync(kind, started_at, None)
            }
            _ => Ok(false),
        }
    }

    /// The windows because of which a sync is forbidden: the open ones that deny, or else those that allow, when none of
    /// them is open.
    fn obstacles(&self, now: DateTime<Utc>) -> Result<Vec<&SyncWindow>, SyncWindowError> {
        let active = self.active(now)?;
        let denying: Vec<&SyncWindow> =
            active.iter().copied().filter(|window| window.kind == "deny").collect();
        if !denying.is_empty() || !active.is_empty() {
            return Ok(denying);
        }
        Ok(self.windows.iter().filter(|window| window.kind == "allow").collect())
    }
}

/// One list that matches is enough, or all that are not empty have to.
fn is_for(window: &SyncWindow, app: &Application) -> bool {
    let destination = &app.spec.destination;
    let any = |patterns: &[String], texts: &[&str]| {
        patterns
            .iter()
            .any(|pattern| texts.iter().any(|text| !text.is_empty() && glob::matches(pattern, text)))
    };
    let lists = [
        (&window.applications, any(&window.applications, &[&app.metadata.name])),
        (&window.clusters, any(&window.clusters, &[&destination.name, &destination.server])),
        (&window.namespaces, any(&window.namespaces, &[&destination.namespace])),
    ];
    let mut set = lists.iter().filter(|(patterns, _)| !patterns.is_empty()).map(|(_, matches)| *matches);
    if window.and_operator {
        let mut set = set.peekable();
        set.peek().is_some() && set.all(|matches| matches)
    } else {
        set.any(|matches| matches)
    }
}

/// Whether a window is open: it fired, and its duration is not over. The schedule is read in the window's time zone with
/// the offset that holds now, so that a window keeps its length when the clock changes.
fn is_open(window: &SyncWindow, now: DateTime<Utc>) -> Result<bool, SyncWindowError> {
    let (schedule, duration) = validate(window)?;
    let local = local_time(&window.time_zone, now);
    let is_open = local
        .checked_sub_signed(duration)
        .and_then(|from| schedule.next_after(from))
        .is_some_and(|fired| fired <= local);
    Ok(is_open)
}

/// Checks a window, and reads its schedule and duration.
pub(crate) fn validate(window: &SyncWindow) -> Result<(Schedule, Duration), SyncWindowError> {
    if !matches!(window.kind.as_str(), "allow" | "deny") {
        return Err(SyncWindowError::Kind { kind: window.kind.clone() });
    }
    let schedule = Schedule::parse(&window.schedule)
        .map_err(|reason| SyncWindowError::Schedule { schedule: window.schedule.clone(), reason })?;
    let wrong_duration =
        |reason: String| SyncWindowError::Duration { duration: window.duration.clone(), reason };
    let duration = parse_duration(&window.duration).map_err(|error| wrong_duration(error.to_string()))?;
    let duration = Duration::from_std(duration).map_err(|error| wrong_duration(error.to_string()))?;
    Ok((schedule, duration))
}

/// The time on the wall in a zone; UTC for a zone that is not known.
fn local_time(zone: &str, now: DateTime<Utc>) -> NaiveDateTime {
    let offset = zone
        .parse::<chrono_tz::Tz>()
        .map_or(0, |zone| zone.offset_from_utc_datetime(&now.naive_utc()).fix().local_minus_utc());
    now.naive_utc() + Duration::seconds(i64::from(offset))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Monday, 2024-01-01, at this time in UTC.
    fn at(time: &str) -> DateTime<Utc> {
        format!("2024-01-01T{time}:00Z").parse().unwrap()
    }

    fn app() -> Application {
        serde_json::from_value(json!({
            "metadata": {"name": "web-prod"},
            "spec": {"destination": {"name": "prod", "namespace": "shop"}},
        }))
        .unwrap()
    }

    fn window(change: &Value) -> SyncWindow {
        let mut window =
            json!({"kind": "allow", "schedule": "0 10 * * *", "duration": "1h", "applications": ["*"]});
        for (key, value) in change.as_object().unwrap() {
            window[key] = value.clone();
        }
        serde_json::from_value(window).unwrap()
    }

    fn windows(changes: &[Value]) -> SyncWindows {
        let windows: Vec<SyncWindow> = changes.iter().map(window).collect();
        SyncWindows::matching(&windows, &app())
    }

    // covers: SYN-078
    #[test]
    fn a_window_is_open_from_when_it_fires_until_its_duration_is_over() {
        let windows = windows(&[json!({})]);
        for (time, expected) in [("09:59", false), ("10:00", true), ("10:59", true), ("11:00", false)] {
            assert_eq!(windows.active(at(time)).unwrap().len() == 1, expected, "{time}");
        }
        let long = self::windows(&[json!({"schedule": "0 22 * * *", "duration": "8h"})]);
        assert_eq!(long.active(at("05:59")).unwrap().len(), 1);
        assert_eq!(long.active(at("06:00")).unwrap().len(), 0);
    }

    // covers: SYN-079
    #[test]
    fn a_schedule_is_read_in_its_time_zone_with_the_offset_of_now() {
        let is_open = |zone: &str, at: &str| {
            let windows = windows(&[json!({"timeZone": zone})]);
            windows.active(at.parse().unwrap()).unwrap().len() == 1
        };
        // Winter is one hour ahead of UTC, summer two.
        assert!(is_open("Europe/Berlin", "2024-01-01T09:30:00Z"));
        assert!(is_open("Europe/Berlin", "2024-07-01T08:30:00Z"));
        assert!(!is_open("Europe/Berlin", "2024-07-01T09:30:00Z"));
        assert!(is_open("", "2024-01-01T10:30:00Z"));
        assert!(is_open("Middle/Earth", "2024-01-01T10:30:00Z"));
    }

    // covers: SYN-080, SYN-081
    #[test]
    fn a_window_is_for_applications_clusters_or_namespaces_or_for_all_of_them_at_once() {
        for (change, expected) in [
            (json!({"applications": ["web-*"]}), true),
            (json!({"applications": ["api-*"]}), false),
            (json!({"applications": [], "namespaces": ["shop"]}), true),
            (json!({"applications": [], "clusters": ["prod"]}), true),
            (json!({"applications": ["api-*"], "clusters": ["pr?d"]}), true),
            (json!({"applications": []}), false),
            (json!({"andOperator": true, "applications": ["web-*"], "clusters": ["dev"]}), false),
            (json!({"andOperator": true, "applications": ["web-*"], "namespaces": ["shop"]}), true),
            (json!({"andOperator": true, "applications": []}), false),
        ] {
            assert_eq!(windows(std::slice::from_ref(&change)).is_empty(), !expected, "{change}");
        }
    }

    // covers: SYN-077, SYN-085
    #[test]
    fn a_denial_wins_and_a_window_that_allows_forbids_the_rest_of_the_time() {
        let allow = json!({"kind": "allow"});
        let deny = json!({"kind": "deny"});
        let later = json!({"schedule": "0 20 * * *"});
        for (all, time, expected) in [
            (vec![], "10:30", true),
            (vec![allow.clone()], "10:30", true),
            (vec![allow.clone()], "12:00", false),
            (vec![deny.clone()], "10:30", false),
            (vec![deny.clone()], "12:00", true),
            (vec![allow.clone(), deny], "10:30", false),
            (vec![allow, later], "20:30", true),
        ] {
            let windows = windows(&all);
            assert_eq!(windows.can_sync(SyncKind::Automated, at(time), None), Ok(expected), "{all:?} {time}");
        }
    }

    // covers: SYN-082
    #[test]
    fn a_user_may_sync_when_all_windows_in_the_way_say_so() {
        for (all, time, expected) in [
            (vec![json!({"kind": "deny", "manualSync": true})], "10:30", true),
            (vec![json!({"kind": "deny", "manualSync": true}), json!({"kind": "deny"})], "10:30", false),
            (vec![json!({"manualSync": true})], "12:00", true),
            (vec![json!({"manualSync": true}), json!({})], "12:00", false),
        ] {
            let windows = windows(&all);
            assert_eq!(windows.can_sync(SyncKind::Manual, at(time), None), Ok(expected), "{all:?}");
            assert_eq!(windows.can_sync(SyncKind::Automated, at(time), None), Ok(false), "{all:?}");
        }
    }

    // covers: SYN-083
    #[test]
    fn a_sync_that_began_while_it_was_allowed_may_go_on_when_all_windows_in_the_way_say_so() {
        let may_go_on = |all: &[Value], started: &str, now: &str| {
            windows(all).can_sync(SyncKind::Automated, at(now), Some(at(started))).unwrap()
        };
        let deny = json!({"kind": "deny", "syncOverrun": true});
        assert!(may_go_on(std::slice::from_ref(&deny), "09:30", "10:30"));
        assert!(!may_go_on(std::slice::from_ref(&deny), "10:10", "10:30"));
        assert!(!may_go_on(&[deny, json!({"kind": "deny"})], "09:30", "10:30"));
        let allow = json!({"syncOverrun": true});
        assert!(may_go_on(std::slice::from_ref(&allow), "10:30", "11:30"));
        assert!(!may_go_on(&[allow], "11:10", "11:30"));
    }

    #[test]
    fn a_window_that_makes_no_sense_is_an_error_that_says_what() {
        for (change, expected) in [
            (json!({"schedule": "often"}), "cannot parse schedule 'often'"),
            (json!({"duration": "1 hour"}), "cannot parse duration '1 hour'"),
            (json!({"kind": "maybe"}), "kind 'maybe' mismatch"),
        ] {
            let error = windows(&[change]).can_sync(SyncKind::Manual, at("10:00"), None).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
