//! Applications as one line each.

use serde_json::Value;

use super::repositories::Expected;

/// What the demo shows of one Application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) sync: String,
    pub(super) health: String,
    /// The first seven digits of the commit.
    pub(super) revision: String,
    /// Whether that is the commit that was published, not one of an earlier run, and no operation is under way.
    pub(super) is_settled: bool,
    /// What is going on or wrong.
    pub(super) note: String,
}

impl Row {
    /// Whether nothing is left to do.
    pub(super) fn is_well(&self) -> bool {
        self.sync == "Synced" && self.health == "Healthy" && self.is_settled
    }

    /// All of it in one line without colours.
    pub(super) fn line(&self) -> String {
        let Self { name, sync, health, revision, note, .. } = self;
        format!("{name:<18} {sync:<10} {health:<12} {revision:<8} {note}").trim_end().to_owned()
    }
}

/// Rows of the expected Applications that exist, in that order.
pub(super) fn rows(objects: &[Value], expected: &[Expected]) -> Vec<Row> {
    expected
        .iter()
        .filter_map(|one| {
            objects
                .iter()
                .find(|object| object["metadata"]["name"] == one.name.as_str())
                .map(|object| row(one, object))
        })
        .collect()
}

fn row(expected: &Expected, object: &Value) -> Row {
    let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let word = |path: &str| if text(path).is_empty() { "-".to_owned() } else { text(path).to_owned() };
    let condition = object
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .and_then(|conditions| conditions.first())
        .and_then(|condition| condition.get("message"))
        .and_then(Value::as_str);
    let phase = text("/status/operationState/phase");
    let operation = if phase.is_empty() || phase == "Succeeded" {
        String::new()
    } else {
        format!("{phase}: {}", text("/status/operationState/message"))
    };
    Row {
        name: expected.name.clone(),
        is_settled: text("/status/sync/revision") == expected.commit && matches!(phase, "" | "Succeeded"),
        sync: word("/status/sync/status"),
        health: word("/status/health/status"),
        revision: text("/status/sync/revision").chars().take(7).collect(),
        note: condition.map_or(operation, str::to_owned).replace('\n', " "),
    }
}

/// One line for each Application whose state is another than before.
pub(super) fn changes(before: &[Row], now: &[Row]) -> Vec<String> {
    now.iter()
        .filter_map(|row| {
            let old = before.iter().find(|old| old.name == row.name);
            if old == Some(row) {
                return None;
            }
            let step = |old: &str, new: &str| {
                if old == new || old.is_empty() { new.to_owned() } else { format!("{old} → {new}") }
            };
            let old = old.cloned().unwrap_or_default();
            let sync = step(&old.sync, &row.sync);
            let health = step(&old.health, &row.health);
            let revision = step(&old.revision, &row.revision);
            Some(
                format!("{:<18} {sync:<22} {health:<24} {revision:<18} {}", row.name, row.note)
                    .trim_end()
                    .to_owned(),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn expected(name: &str) -> Expected {
        Expected { name: name.to_owned(), commit: "0123456789".to_owned() }
    }

    #[test]
    fn an_application_is_well_when_it_is_synced_to_what_was_published_and_healthy() {
        let mut object = json!({
            "metadata": {"name": "a"},
            "status": {"sync": {"status": "Synced", "revision": "0123456789"}, "health": {"status": "Healthy"}},
        });
        let both = [expected("b"), expected("a")];
        let shown = rows(std::slice::from_ref(&object), &both);
        assert_eq!(shown.len(), 1);
        assert!(shown[0].is_well());
        assert_eq!(shown[0].revision, "0123456");
        object["status"]["operationState"] = json!({"phase": "Running"});
        assert!(!rows(std::slice::from_ref(&object), &both)[0].is_well(), "a hook still runs");
        object["status"]["operationState"] = json!({"phase": "Succeeded"});
        assert!(rows(std::slice::from_ref(&object), &both)[0].is_well());
        object["status"]["sync"]["revision"] = json!("0123456aaa");
        assert!(!rows(&[object], &both)[0].is_well());
    }

    #[test]
    fn a_condition_goes_before_a_running_operation() {
        let mut object = json!({
            "metadata": {"name": "a"},
            "status": {"operationState": {"phase": "Running", "message": "waiting"}},
        });
        let one = [expected("a")];
        assert_eq!(rows(std::slice::from_ref(&object), &one)[0].note, "Running: waiting");
        object["status"]["conditions"] = json!([{"type": "ComparisonError", "message": "no such\npath"}]);
        let row = &rows(&[object], &one)[0];
        assert_eq!(row.note, "no such path");
        assert_eq!(row.sync, "-");
        assert!(!row.is_well());
    }

    #[test]
    fn only_what_changed_is_said() {
        let row =
            |name: &str, sync: &str| Row { name: name.to_owned(), sync: sync.to_owned(), ..Row::default() };
        let lines =
            changes(&[row("a", "Synced"), row("b", "Synced")], &[row("a", "OutOfSync"), row("b", "Synced")]);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].contains("Synced → OutOfSync"), "{lines:?}");
    }
}
