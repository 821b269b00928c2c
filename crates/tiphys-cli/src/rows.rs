//! Small pieces of text that several tables share.

use std::collections::BTreeMap;

use tiphys_api::Application;
use tiphys_api::application::ApplicationSource;
use tiphys_api::time::Time;

/// A point in time as Go prints it.
pub(crate) fn time(at: Time) -> String {
    at.as_datetime().format("%Y-%m-%d %H:%M:%S +0000 UTC").to_string()
}

/// The destination cluster: its address, or its name where there is no address.
pub(crate) fn cluster(app: &Application) -> &str {
    let destination = &app.spec.destination;
    if destination.server.is_empty() { &destination.name } else { &destination.server }
}

/// The first source; of several, the one that the summary columns speak of.
pub(crate) fn first_source(app: &Application) -> ApplicationSource {
    app.spec.effective_sources().into_iter().next().unwrap_or_default()
}

/// `Manual`, `Auto` or `Auto-Prune`.
pub(crate) fn sync_policy(app: &Application) -> &'static str {
    match app.spec.automated() {
        None => "Manual",
        Some(automated) if automated.prunes() => "Auto-Prune",
        Some(_) => "Auto",
    }
}

/// The types of the conditions, each once, with how many there are of it; `<none>` for none.
pub(crate) fn conditions(app: &Application) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for condition in &app.status.conditions {
        *counts.entry(condition.type_.as_str()).or_default() += 1;
    }
    if counts.is_empty() {
        return "<none>".to_owned();
    }
    let words = counts.iter().map(|(kind, count)| match count {
        1 => (*kind).to_owned(),
        count => format!("{kind}({count})"),
    });
    words.collect::<Vec<_>>().join(",")
}

/// The first characters of a revision; what is shorter stays as it is.
pub(crate) fn short(revision: &str) -> String {
    revision.chars().take(7).collect()
}

/// Whether a text is a commit, whole or cut to seven characters or more.
pub(crate) fn is_commit(revision: &str) -> bool {
    (7..=40).contains(&revision.len()) && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A duration as Kubernetes prints ages: `45s`, `5m`, `3h20m`, `2d3h`, `120d`, `2y40d`.
pub(crate) fn age(seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 3600;
    const DAY: i64 = 86_400;
    let two = |whole: i64, unit: &str, rest: i64, small: &str| match rest {
        0 => format!("{whole}{unit}"),
        rest => format!("{whole}{unit}{rest}{small}"),
    };
    match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(seconds / MINUTE, "m", seconds % MINUTE, "s"),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(seconds / HOUR, "h", seconds % HOUR / MINUTE, "m"),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
        691_200..63_072_000 => format!("{}d", seconds / DAY),
        _ => two(seconds / (365 * DAY), "y", seconds / DAY % 365, "d"),
    }
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value)] // `json!` takes its parts by reference.
mod tests {
    use serde_json::json;

    use super::*;

    fn app(spec: serde_json::Value, status: serde_json::Value) -> Application {
        serde_json::from_value(json!({"spec": spec, "status": status})).unwrap()
    }

    #[test]
    fn conditions_are_counted_by_type() {
        let condition = |kind: &str| json!({"type": kind, "message": "x"});
        let conditions_of = |list| conditions(&app(json!({}), json!({"conditions": list})));
        assert_eq!(conditions_of(json!([])), "<none>");
        let list = json!([condition("SyncError"), condition("ComparisonError"), condition("SyncError")]);
        assert_eq!(conditions_of(list), "ComparisonError,SyncError(2)");
    }

    #[test]
    fn a_sync_policy_is_one_word() {
        let policy =
            |automated| sync_policy(&app(json!({"syncPolicy": {"automated": automated}}), json!({})));
        assert_eq!(policy(json!(null)), "Manual");
        assert_eq!(policy(json!({"enabled": false})), "Manual");
        assert_eq!(policy(json!({})), "Auto");
        assert_eq!(policy(json!({"prune": true})), "Auto-Prune");
    }

    #[test]
    fn ages_are_as_short_as_kubectl_prints_them() {
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (300, "5m"),
            (301, "5m1s"),
            (3600, "60m"),
            (12_000, "3h20m"),
            (90_000, "25h"),
            (183_600, "2d3h"),
            (864_000, "10d"),
            (66_528_000, "2y40d"),
        ] {
            assert_eq!(age(seconds), text);
        }
    }

    #[test]
    fn times_are_printed_as_go_does() {
        assert_eq!(time("2026-03-04T05:06:07Z".parse().unwrap()), "2026-03-04 05:06:07 +0000 UTC");
    }
}
