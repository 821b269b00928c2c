//! The messages whose JSON is not an object of their fields: Kubernetes' own forms for times, quantities and free
//! content. This is the only place that knows them.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::schema::CodecError;

/// How a message's JSON is formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    /// `{seconds=1, nanos=2}` ⇄ RFC 3339 to the second; nothing ⇄ `null`.
    Time,
    /// The same to the microsecond.
    MicroTime,
    /// `{duration=1}` in nanoseconds ⇄ Go's notation (`1h30m0s`).
    Duration,
    /// `{string=1}` ⇄ the string.
    Quantity,
    /// `{type=1, intVal=2, strVal=3}` ⇄ number or string.
    IntOrString,
    /// `{raw=1}` with JSON text ⇄ that JSON.
    Json,
}

impl Special {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "k8s.io.apimachinery.pkg.apis.meta.v1.Time" => Self::Time,
            "k8s.io.apimachinery.pkg.apis.meta.v1.MicroTime" => Self::MicroTime,
            "k8s.io.apimachinery.pkg.apis.meta.v1.Duration" => Self::Duration,
            "k8s.io.apimachinery.pkg.api.resource.Quantity" => Self::Quantity,
            "k8s.io.apimachinery.pkg.util.intstr.IntOrString" => Self::IntOrString,
            "k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1"
            | "k8s.io.apimachinery.pkg.runtime.RawExtension"
            | "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSON" => Self::Json,
            _ => return None,
        })
    }

    /// The message's fields for this JSON.
    pub(super) fn fields_of(self, value: &Value) -> Result<Fields, CodecError> {
        if value.is_null() {
            return Ok(Fields::default());
        }
        let expected = |what: &str| CodecError::new(format!("expected {what}, found {}", word(value)));
        match self {
            Self::Time | Self::MicroTime => {
                let text = value.as_str().ok_or_else(|| expected("a time"))?;
                let time = DateTime::parse_from_rfc3339(text)
                    .map_err(|error| CodecError::new(format!("{text:?} is not a time: {error}")))?;
                let nanos = if self == Self::Time { 0 } else { time.timestamp_subsec_micros() * 1000 };
                Ok(Fields::ints(time.timestamp(), i64::from(nanos)))
            }
            Self::Duration => {
                let text = value.as_str().ok_or_else(|| expected("a duration"))?;
                parse_duration(text)
                    .map(|nanos| Fields::ints(nanos, 0))
                    .ok_or_else(|| CodecError::new(format!("{text:?} is not a duration")))
            }
            Self::Quantity => match value {
                Value::String(text) => Ok(Fields { bytes: text.as_bytes().to_vec(), ..Fields::default() }),
                Value::Number(number) => {
                    Ok(Fields { bytes: number.to_string().into_bytes(), ..Fields::default() })
                }
                _ => Err(expected("a quantity")),
            },
            Self::IntOrString => match value {
                Value::String(text) => Ok(Fields { first: 1, bytes: text.as_bytes().to_vec(), second: 0 }),
                Value::Number(number) => number
                    .as_i64()
                    .filter(|number| i32::try_from(*number).is_ok())
                    .map(|number| Fields::ints(0, number))
                    .ok_or_else(|| expected("a whole number of 32 bits or a string")),
                _ => Err(expected("a number or a string")),
            },
            Self::Json => Ok(Fields { bytes: value.to_string().into_bytes(), ..Fields::default() }),
        }
    }

    /// The JSON for these fields; `None` where the message means "nothing".
    pub(super) fn json_of(self, fields: &Fields) -> Result<Option<Value>, CodecError> {
        let text =
            || String::from_utf8(fields.bytes.clone()).map_err(|_| CodecError::new("the text is not UTF-8"));
        match self {
            Self::Time | Self::MicroTime => {
                // Go writes its zero time as no fields at all, or as the year 1.
                if (fields.first, fields.second) == (0, 0) || fields.first == -62_135_596_800 {
                    return Ok(None);
                }
                let nanos = u32::try_from(fields.second).ok().filter(|nanos| *nanos < 1_000_000_000);
                let time = nanos
                    .and_then(|nanos| DateTime::<Utc>::from_timestamp(fields.first, nanos))
                    .filter(|time| (0..=9999).contains(&chrono::Datelike::year(time)))
                    .ok_or_else(|| CodecError::new("the time is out of range"))?;
                let digits = if self == Self::Time { SecondsFormat::Secs } else { SecondsFormat::Micros };
                Ok(Some(time.to_rfc3339_opts(digits, true).into()))
            }
            Self::Duration => Ok(Some(format_duration(fields.first).into())),
            Self::Quantity => Ok(Some(text()?.into())),
            Self::IntOrString if fields.first == 1 => Ok(Some(text()?.into())),
            Self::IntOrString => Ok(Some(fields.second.into())),
            Self::Json if fields.bytes.is_empty() => Ok(None),
            Self::Json => serde_json::from_slice(&fields.bytes)
                .map(Some)
                .map_err(|error| CodecError::new(format!("the content is not JSON: {error}"))),
        }
    }

    /// Numbers of the fields `first`, `second` and `bytes` in the message; 0 where it has no such field.
    pub(super) fn numbers(self) -> (u32, u32, u32) {
        match self {
            Self::Time | Self::MicroTime => (1, 2, 0),
            Self::Duration => (1, 0, 0),
            Self::Quantity | Self::Json => (0, 0, 1),
            Self::IntOrString => (1, 2, 3),
        }
    }
}

/// What any special message is made of: two numbers and a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    pub first: i64,
    pub second: i64,
    pub bytes: Vec<u8>,
}

impl Fields {
    fn ints(first: i64, second: i64) -> Self {
        Self { first, second, bytes: Vec::new() }
    }
}

/// What a JSON value is, in a word for error messages.
pub(super) fn word(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Go's notation of a duration, in nanoseconds.
fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit)?;
        #[expect(clippy::cast_precision_loss, reason = "units are small")]
        let scale = *scale as f64;
        total += number.parse::<f64>().ok()? * scale;
        rest = tail;
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked against the range first")]
    let nanos = (total.abs() < 9.2e18 && !text.is_empty()).then_some(total.round() as i64)?;
    Some(if negative { -nanos } else { nanos })
}

fn format_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let total = nanos.unsigned_abs();
    if total == 0 {
        return "0s".to_owned();
    }
    let fraction = |value: u64, unit: u64| {
        let (whole, rest) = (value / unit, value % unit);
        let width = unit.ilog10() as usize;
        let digits = format!("{rest:0width$}");
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() || rest == 0 { whole.to_string() } else { format!("{whole}.{digits}") }
    };
    if total < 1_000 {
        return format!("{sign}{total}ns");
    }
    if total < 1_000_000 {
        return format!("{sign}{}µs", fraction(total, 1_000));
    }
    if total < 1_000_000_000 {
        return format!("{sign}{}ms", fraction(total, 1_000_000));
    }
    let seconds = total / 1_000_000_000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let last = fraction(total % 60_000_000_000, 1_000_000_000);
    match (hours, minutes) {
        (0, 0) => format!("{sign}{last}s"),
        (0, _) => format!("{sign}{minutes}m{last}s"),
        _ => format!("{sign}{hours}h{minutes}m{last}s"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_cut_to_what_their_type_keeps() {
        let given = json!("2026-03-04T05:06:07.123456789+02:00");
        let time = Special::Time.fields_of(&given).unwrap();
        assert_eq!(Special::Time.json_of(&time).unwrap(), Some(json!("2026-03-04T03:06:07Z")));
        let micro = Special::MicroTime.fields_of(&given).unwrap();
        assert_eq!(Special::MicroTime.json_of(&micro).unwrap(), Some(json!("2026-03-04T03:06:07.123456Z")));
        assert_eq!(Special::Time.json_of(&Fields::default()).unwrap(), None);
        let far = Fields { first: i64::MAX, ..Fields::default() };
        assert!(Special::Time.json_of(&far).is_err());
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_500, "1.5µs"),
            (2_000_000, "2ms"),
            (5_000_000_000, "5s"),
            (90_500_000_000, "1m30.5s"),
            (3_600_000_000_000, "1h0m0s"),
            (-5_000_000_000, "-5s"),
        ] {
            assert_eq!(format_duration(nanos), text);
            assert_eq!(parse_duration(text), Some(nanos), "{text}");
        }
        for wrong in ["", "5", "s", "1x", "--1s"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_number_or_a_string_stays_what_it_was() {
        for value in [json!(3), json!("30%"), json!(0), json!("")] {
            let fields = Special::IntOrString.fields_of(&value).unwrap();
            assert_eq!(Special::IntOrString.json_of(&fields).unwrap(), Some(value));
        }
        assert!(Special::IntOrString.fields_of(&json!(5_000_000_000_i64)).is_err());
        assert!(Special::IntOrString.fields_of(&json!(1.5)).is_err());
    }
}
