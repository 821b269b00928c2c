//! Conditions of an application: which ones a decision replaces, and when each began.

use chrono::{DateTime, Utc};
use tiphys_api::application::ApplicationCondition;
use tiphys_api::time::Time;
use tiphys_api::words::ApplicationConditionType;

/// The conditions that a comparison decides about.
pub const COMPARISON_CONDITIONS: [ApplicationConditionType; 6] = [
    ApplicationConditionType::ComparisonError,
    ApplicationConditionType::InvalidSpecError,
    ApplicationConditionType::UnknownError,
    ApplicationConditionType::SharedResourceWarning,
    ApplicationConditionType::RepeatedResourceWarning,
    ApplicationConditionType::ExcludedResourceWarning,
];

/// A condition whose beginning is yet to be set.
#[must_use]
pub fn condition(type_: ApplicationConditionType, message: impl Into<String>) -> ApplicationCondition {
    ApplicationCondition { type_, message: message.into(), last_transition_time: None }
}

/// The conditions after a decision about some types: those of other types stay, those of these types are replaced.
/// A condition that was there with the same words keeps the time at which it began. Sorted, each once.
#[must_use]
pub fn set_conditions(
    before: &[ApplicationCondition],
    new: Vec<ApplicationCondition>,
    decided: &[ApplicationConditionType],
    now: DateTime<Utc>,
) -> Vec<ApplicationCondition> {
    let mut conditions: Vec<ApplicationCondition> =
        before.iter().filter(|condition| !decided.contains(&condition.type_)).cloned().collect();
    for mut condition in new {
        let known = before
            .iter()
            .find(|known| known.type_ == condition.type_ && known.message == condition.message)
            .and_then(|known| known.last_transition_time);
        condition.last_transition_time = known.or(condition.last_transition_time);
        conditions.push(condition);
    }
    for condition in &mut conditions {
        condition.last_transition_time.get_or_insert_with(|| Time::new(now));
    }
    conditions.sort_by(|one, other| {
        (one.type_.as_str(), &one.message, one.last_transition_time).cmp(&(
            other.type_.as_str(),
            &other.message,
            other.last_transition_time,
        ))
    });
    conditions.dedup_by(|one, other| one.type_ == other.type_ && one.message == other.message);
    conditions
}

#[cfg(test)]
mod tests {
    use ApplicationConditionType::{ComparisonError, DeletionError, SyncError};

    use super::*;

    fn at(type_: ApplicationConditionType, message: &str, time: &str) -> ApplicationCondition {
        ApplicationCondition {
            last_transition_time: Some(time.parse().unwrap()),
            ..condition(type_, message)
        }
    }

    // covers: APP-058
    #[test]
    fn a_condition_keeps_its_beginning_while_its_words_stay_and_others_are_left_alone() {
        let (early, now) = ("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z");
        let before = [
            at(SyncError, "sync", early),
            at(ComparisonError, "first", early),
            at(ComparisonError, "second", early),
            at(ComparisonError, "gone", early),
        ];
        let new = vec![
            condition(ComparisonError, "second"),
            condition(ComparisonError, "fresh"),
            condition(ComparisonError, "second"),
        ];
        let after = set_conditions(&before, new, &[ComparisonError, DeletionError], now.parse().unwrap());
        assert_eq!(
            after,
            [
                at(ComparisonError, "fresh", now),
                at(ComparisonError, "second", early),
                at(SyncError, "sync", early)
            ]
        );
    }
}
