//! Points in time as Kubernetes writes them: RFC 3339, UTC, whole seconds.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time with whole seconds, `2006-01-02T15:04:05Z` in JSON.
///
/// The default is the year 1, which Go programs use for "never"; it is written as `null` and read from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(DateTime<Utc>);

impl Time {
    /// Takes a point in time and drops what is smaller than a second, so that a written value reads back equal.
    #[must_use]
    pub fn new(at: DateTime<Utc>) -> Self {
        Self(at.trunc_subsecs(0))
    }

    /// Takes seconds since 1970; `None` outside the range of the calendar.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Option<Self> {
        DateTime::from_timestamp(seconds, 0).map(Self)
    }

    /// Returns the point in time.
    #[must_use]
    pub fn as_datetime(self) -> DateTime<Utc> {
        self.0
    }

    /// Returns the seconds since 1970.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.0.timestamp()
    }

    /// Says whether this is the year 1, that is "never".
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// Seconds from 1970 back to the first second of the year 1.
const YEAR_ONE: i64 = -62_135_596_800;

impl Default for Time {
    fn default() -> Self {
        Self(DateTime::from_timestamp(YEAR_ONE, 0).unwrap_or_default())
    }
}

impl From<DateTime<Utc>> for Time {
    fn from(at: DateTime<Utc>) -> Self {
        Self::new(at)
    }
}

impl From<Time> for DateTime<Utc> {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

impl FromStr for Time {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(DateTime::parse_from_rfc3339(text)?.with_timezone(&Utc)))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_zero() { serializer.serialize_none() } else { serializer.collect_str(self) }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| de::Error::custom(format_args!("`{text}` is not an RFC 3339 time")))
    }
}

impl JsonSchema for Time {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc_with_whole_seconds() {
        let time: Time = "2026-03-04T05:06:07.891+02:00".parse().unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-03-04T03:06:07Z\"");
        assert_eq!(serde_json::from_str::<Time>("\"2026-03-04T03:06:07Z\"").unwrap(), time);
    }

    #[test]
    fn never_is_null() {
        assert_eq!(serde_json::to_string(&Time::default()).unwrap(), "null");
        assert_eq!("0001-01-01T00:00:00Z".parse::<Time>().unwrap(), Time::default());
    }

    #[test]
    fn a_text_that_is_no_time_is_an_error_that_shows_it() {
        let error = serde_json::from_str::<Time>("\"yesterday\"").unwrap_err();
        assert!(error.to_string().contains("`yesterday`"), "{error}");
    }
}
