//! Label selectors.

use std::collections::BTreeMap;

use tiphys_api::metadata::LabelSelector;

/// Whether labels meet a selector. An empty selector is met by all; an operator that is not known by none.
#[must_use]
pub fn selector_matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        && selector.match_expressions.iter().all(|requirement| {
            let value = labels.get(&requirement.key);
            match requirement.operator.as_str() {
                "In" => value.is_some_and(|value| requirement.values.contains(value)),
                "NotIn" => value.is_none_or(|value| !requirement.values.contains(value)),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_selector_is_met_when_all_its_conditions_are() {
        let labels =
            BTreeMap::from([("team".to_owned(), "a".to_owned()), ("env".to_owned(), "prod".to_owned())]);
        for (selector, expected) in [
            (json!({}), true),
            (json!({"matchLabels": {"team": "a"}}), true),
            (json!({"matchLabels": {"team": "b"}}), false),
            (
                json!({"matchLabels": {"team": "a"},
                    "matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod"]}]}),
                false,
            ),
            (
                json!({"matchExpressions": [{"key": "env", "operator": "In", "values": ["dev", "prod"]}]}),
                true,
            ),
            (json!({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["eu"]}]}), true),
            (json!({"matchExpressions": [{"key": "env", "operator": "Exists"}]}), true),
            (json!({"matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]}), false),
            (json!({"matchExpressions": [{"key": "env", "operator": "Like", "values": ["p"]}]}), false),
        ] {
            let read: LabelSelector = serde_json::from_value(selector.clone()).unwrap();
            assert_eq!(selector_matches(&read, &labels), expected, "{selector}");
        }
    }
}
