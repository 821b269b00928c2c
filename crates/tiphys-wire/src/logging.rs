//! Log lines in the shape that the reference's users parse: `time`, `level`, `msg` and the event's fields, as JSON
//! objects or as `key=value` text, on standard error.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Shape of a log line (`--logformat`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line.
    Json,
    /// `time="…" level=info msg="…" key=value`.
    Text,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            other => Err(format!("unknown log format {other:?}: json or text")),
        }
    }
}

/// Least severe line that is written (`--loglevel`), by the names the reference accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLevel(Level);

impl LogLevel {
    /// Ordinary operation.
    pub const INFO: Self = Self(Level::INFO);
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "trace" => Ok(Self(Level::TRACE)),
            "debug" => Ok(Self(Level::DEBUG)),
            "info" => Ok(Self(Level::INFO)),
            "warn" | "warning" => Ok(Self(Level::WARN)),
            // There is nothing above an error here: the lines that the reference calls fatal end the process anyway.
            "error" | "fatal" | "panic" => Ok(Self(Level::ERROR)),
            _ => Err(format!("unknown log level {text:?}: debug, info, warn or error")),
        }
    }
}

/// Starts logging for the process. `TIPHYS_LOG` overrides the level with a filter per module
/// (`info,tiphys_sync=debug`). A second call changes nothing.
pub fn init(format: LogFormat, level: LogLevel) {
    let filter = EnvFilter::try_from_env("TIPHYS_LOG").unwrap_or_else(|_| {
        // Libraries speak one level later than we do: their `info` is the wire's noise. A target matches by
        // prefix, and every crate of ours begins with the same word.
        let theirs = match level.0 {
            Level::TRACE => Level::DEBUG,
            Level::DEBUG => Level::INFO,
            Level::ERROR => Level::ERROR,
            _ => Level::WARN,
        };
        EnvFilter::new(format!("{theirs},tiphys={ours}", ours = level.0))
    });
    let lines = tracing_subscriber::fmt::layer()
        .event_format(Lines(format))
        .with_writer(std::io::stderr)
        .with_filter(filter);
    let _already_started = tracing_subscriber::registry().with(lines).try_init();
}

struct Lines(LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let time = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let line = line(self.0, &time, *event.metadata().level(), fields);
        writeln!(writer, "{line}")
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            ("message", other) => self.message = other.to_string(),
            (name, value) => {
                self.others.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::String(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        // The whole chain: the sources hold what the outermost words leave out.
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(error) = source {
            let _infallible = write!(text, ": {error}");
            source = error.source();
        }
        self.put(field, Value::String(text));
    }
}

fn line(format: LogFormat, time: &str, level: Level, fields: Fields) -> String {
    let level = match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    };
    match format {
        LogFormat::Json => {
            let mut object = fields.others;
            object.insert("level".to_owned(), level.into());
            object.insert("msg".to_owned(), fields.message.into());
            object.insert("time".to_owned(), time.into());
            Value::Object(object).to_string()
        }
        LogFormat::Text => {
            let mut text = format!("time={time:?} level={level} msg={:?}", fields.message);
            for (key, value) in fields.others {
                let value = match value {
                    Value::String(word) if bare(&word) => word,
                    Value::String(words) => format!("{words:?}"),
                    other => other.to_string(),
                };
                let _infallible = write!(text, " {key}={value}");
            }
            text
        }
    }
}

/// Whether a value can stand in a text line without quotes.
fn bare(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-._/@^+:".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        let mut others = Map::new();
        others.insert("application".to_owned(), "argocd/guestbook".into());
        others.insert("error".to_owned(), "no such \"thing\"\nhere".into());
        others.insert("took_ms".to_owned(), 12.into());
        Fields { message: "compared".to_owned(), others }
    }

    #[test]
    fn a_json_line_has_the_reference_keys_and_stays_one_line() {
        let line = line(LogFormat::Json, "2026-01-02T03:04:05.678Z", Level::WARN, fields());
        assert_eq!(line.lines().count(), 1);
        let expected = serde_json::json!({
            "application": "argocd/guestbook", "error": "no such \"thing\"\nhere", "took_ms": 12,
            "level": "warning", "msg": "compared", "time": "2026-01-02T03:04:05.678Z",
        });
        assert_eq!(serde_json::from_str::<Value>(&line).ok(), Some(expected));
    }

    #[test]
    fn a_text_line_quotes_what_could_be_mistaken() {
        let line = line(LogFormat::Text, "2026-01-02T03:04:05.678Z", Level::INFO, fields());
        assert_eq!(
            line,
            r#"time="2026-01-02T03:04:05.678Z" level=info msg="compared" application=argocd/guestbook error="no such \"thing\"\nhere" took_ms=12"#
        );
    }

    #[test]
    fn level_names_are_those_of_the_reference() {
        for name in ["debug", "info", "warn", "warning", "error", "fatal", "panic", "trace"] {
            assert!(name.parse::<LogLevel>().is_ok(), "{name}");
        }
        assert!("loud".parse::<LogLevel>().is_err());
    }
}
