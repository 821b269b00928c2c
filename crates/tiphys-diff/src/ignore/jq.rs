//! jq path expressions: which fields of an object an expression points at.
//!
//! The part of jq that chooses paths: fields, indices, iteration, `..`, `select` with comparisons and the common
//! predicates. What makes values out of values (arithmetic, string interpolation, definitions, `reduce`) is refused when the
//! rule is read. Every evaluation ends: each step counts against a bound, so that an expression written to
//! be expensive stops, and regular expressions take time in proportion to the text.

mod evaluate;
mod parse;

use serde_json::Value;

pub(super) use evaluate::Step;

/// A parsed expression.
#[derive(Debug, Clone)]
pub(super) struct Expression(parse::Expr);

impl Expression {
    /// Reads an expression; the error says what is not understood.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        parse::parse(text).map(Expression)
    }

    /// The paths that the expression points at, as jq's `path(…)`. `None` when it fails on this value or takes too
    /// many steps: it then points at nothing.
    pub(super) fn paths(&self, value: &Value) -> Option<Vec<Vec<Step>>> {
        evaluate::paths(&self.0, value)
    }
}

/// Deletes paths from a value, deepest and last first, so that none moves before it is its turn.
pub(super) fn delete(value: &mut Value, mut paths: Vec<Vec<Step>>) {
    paths.sort();
    for path in paths.iter().rev() {
        let Some((last, parents)) = path.split_last() else { continue };
        let parent = parents.iter().try_fold(&mut *value, |place, step| match step {
            Step::Key(key) => place.get_mut(key.as_str()),
            Step::Index(index) => place.get_mut(*index),
        });
        match (parent, last) {
            (Some(Value::Object(fields)), Step::Key(key)) => {
                fields.remove(key);
            }
            (Some(Value::Array(items)), Step::Index(index)) if *index < items.len() => {
                items.remove(*index);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(expression: &str) -> Value {
        let mut value = json!({
            "a": {"b": 1, "x-y": 2}, "n": null,
            "list": [{"name": "one", "v": 1}, {"name": "two", "v": 2, "deep": {"v": 3}}, {"name": "three"}],
            "words": ["ax", "b", "cx"]
        });
        let paths = Expression::parse(expression).unwrap().paths(&value).unwrap_or_default();
        delete(&mut value, paths);
        value
    }

    fn before() -> Value {
        after(".nothing")
    }

    // covers: DIFF-019
    #[test]
    fn chosen_fields_are_deleted() {
        let without = |edit: fn(&mut Value)| {
            let mut value = before();
            edit(&mut value);
            value
        };
        let rest = |names: &[usize]| {
            let mut value = before();
            let list = value["list"].as_array().unwrap().clone();
            value["list"] = names.iter().map(|at| list[*at].clone()).collect();
            value
        };
        for expression in
            [".a.b", ".a[\"b\"]", ".[\"a\"].b", ".a | .b", ". | .a | (.b)", ".a?.b?", ".\"a\".\"b\""]
        {
            assert_eq!(
                after(expression),
                without(|v| {
                    v["a"].as_object_mut().unwrap().remove("b");
                }),
                "{expression}"
            );
        }
        assert_eq!(after(".a[\"x-y\"]")["a"], json!({"b": 1}));
        assert_eq!(after(".a.b, .n")["a"], json!({"x-y": 2}));
        assert_eq!(after(".list[1]"), rest(&[0, 2]));
        assert_eq!(after(".list[-1]"), rest(&[0, 1]));
        assert_eq!(after(".list[]"), rest(&[]));
        for expression in [
            ".list[] | select(.name == \"two\")",
            ".list[]|select(.v==2)",
            ".list[] | select(.v > 1 and .v < 3)",
            ".list[] | select(.deep)",
            ".list[] | select(.name | test(\"^tw\"))",
            ".list[] | select(.name | test(\"TWO\"; \"i\"))",
            ".list[] | select(.name | startswith(\"tw\"))",
            ".list[] | select(has(\"deep\"))",
            ".list[] | select(.name | IN(\"two\", \"four\"))",
            ".list[] | select((.name == \"one\" or .name == \"three\") | not)",
            ".list[] | select(any(.deep.v; . == 3)?)",
        ] {
            assert_eq!(after(expression), rest(&[0, 2]), "{expression}");
        }
        assert_eq!(
            after(".list[] | select(.name != \"one\") | .name")["list"][1],
            json!({"v": 2, "deep": {"v": 3}})
        );
        assert_eq!(after(".words[] | select(endswith(\"x\"))")["words"], json!(["b"]));
        assert_eq!(
            after(".. | .v?")["list"],
            json!([{"name": "one"}, {"name": "two", "deep": {}}, {"name": "three"}])
        );
        assert_eq!(after("..|objects|.deep")["list"][1], json!({"name": "two", "v": 2}));
        assert_eq!(after(".list[] | .missing.below"), before());
        assert_eq!(after("first(.list[])"), rest(&[1, 2]));
        assert_eq!(after(".list[] | select(.v // 9 | . == 9)"), rest(&[0, 1]));
    }

    #[test]
    fn an_expression_that_fails_or_points_at_no_field_deletes_nothing() {
        for expression in [".n[]", ".a[0]", ".a.b.c", "1", ".list | length", "empty", ".", ".words[0].x"] {
            assert_eq!(after(expression), before(), "{expression}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused_and_named() {
        for expression in [
            "",
            ".a +",
            ".a + 1",
            "def f: f; f",
            "reduce .a as $x (0; .)",
            ".a[",
            "select(",
            "range(10)",
            "\"\\(1)\"",
            ".a ==",
            "nope",
            ".a b",
            "test(\"(\")",
        ] {
            assert!(Expression::parse(expression).is_err(), "{expression}");
        }
        assert!(Expression::parse(&"(".repeat(5000)).is_err());
    }

    #[test]
    fn an_expensive_expression_stops() {
        let value = json!((0..300).collect::<Vec<_>>());
        let expression =
            Expression::parse(".[] , .[] | select(any(1,2,3,4,5,6,7,8,9; . == 0) | not)").unwrap();
        assert!(expression.paths(&value).is_some());
        let nested = (0..9).map(|_| "any(..;").collect::<String>();
        let expression = Expression::parse(&format!("select({nested} false{})", ")".repeat(9)));
        let deep = (0..60).fold(json!(0), |inner, _| json!([inner, 1]));
        assert_eq!(expression.unwrap().paths(&deep), None);
    }
}
