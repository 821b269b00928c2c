//! Numbers as they are after a trip through Go's JSON.
//!
//! A whole float is written without a point and read back as an integer; an integer beyond 64 signed bits becomes a
//! float. The API server sees only the result, so both sides of every comparison must.

use serde_json::{Number, Value};

use super::{Limits, Problem};

/// Which bound was met.
pub(super) enum Beyond {
    Depth,
    Nodes,
}

impl Beyond {
    pub(super) fn problem(&self, limits: &Limits) -> Problem {
        match self {
            Beyond::Depth => Problem::Limit { limit: limits.depth, what: "levels of nesting" },
            Beyond::Nodes => Problem::Limit { limit: limits.nodes, what: "values" },
        }
    }
}

/// A float as JSON; `None` for infinities and not-a-number.
pub(super) fn float(value: f64) -> Option<Value> {
    // Go writes floats of this size without an exponent, so a whole one reads back as an integer. The digits are
    // the shortest that mean the float, filled up with zeros: not always the float's exact value.
    if value.fract() == 0.0
        && value.abs() < 1e19
        && let Ok(whole) = format!("{value}").parse::<i64>()
    {
        return Some(Value::Number(whole.into()));
    }
    Number::from_f64(value).map(Value::Number)
}

/// An integer as JSON.
pub(super) fn unsigned(value: u64) -> Value {
    match i64::try_from(value) {
        Ok(small) => Value::Number(small.into()),
        #[expect(clippy::cast_precision_loss, reason = "this loss is what the API server sees")]
        Err(_) => float(value as f64).unwrap_or(Value::Null),
    }
}

/// Brings the numbers of a JSON value into the same form, and counts.
pub(super) fn normalize(value: &mut Value, depth: usize, nodes: &mut usize) -> Result<(), Beyond> {
    *nodes = nodes.checked_sub(1).ok_or(Beyond::Nodes)?;
    match value {
        Value::Number(number) => {
            if number.is_f64()
                && let Some(plain) = number.as_f64().and_then(float)
            {
                *value = plain;
            } else if !number.is_i64()
                && let Some(large) = number.as_u64()
            {
                *value = unsigned(large);
            }
        }
        Value::Array(items) => {
            let depth = depth.checked_sub(1).ok_or(Beyond::Depth)?;
            for item in items {
                normalize(item, depth, nodes)?;
            }
        }
        Value::Object(fields) => {
            let depth = depth.checked_sub(1).ok_or(Beyond::Depth)?;
            for field in fields.values_mut() {
                normalize(field, depth, nodes)?;
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn whole_floats_become_integers_where_these_can_hold_their_digits() {
        assert_eq!(float(1.0), Some(json!(1)));
        assert_eq!(float(-0.0), Some(json!(0)));
        assert_eq!(float(1.5), Some(json!(1.5)));
        assert_eq!(float(4_611_686_018_427_387_904.0), Some(json!(4_611_686_018_427_388_000_i64)));
        assert_eq!(float(1e20), Some(json!(1e20)));
        assert_eq!(float(f64::INFINITY), None);
    }

    #[test]
    fn integers_beyond_the_signed_range_become_floats() {
        assert_eq!(unsigned(i64::MAX as u64), json!(i64::MAX));
        assert_eq!(unsigned(u64::MAX), json!(18_446_744_073_709_551_615_f64));
    }
}
