//! Durations as Go writes them, such as `1h30m` or `2.5s`, and the bare seconds that some fields also take.

use std::time::Duration;

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDurationError {
    /// There is nothing, or a number without unit, or something else that is no number with unit.
    #[error("`{text}` is not a duration such as `90s` or `1h30m`")]
    Malformed {
        /// The text.
        text: String,
    },
    /// The duration is longer than can be counted, or below zero where that means nothing.
    #[error("the duration `{text}` is out of range")]
    OutOfRange {
        /// The text.
        text: String,
    },
}

/// Largest duration that Go can count: 2⁶³ - 1 nanoseconds, about 292 years.
const MAX_NANOS: u128 = i64::MAX as u128;

/// Reads a Go duration: a sequence of decimal numbers with units `ns`, `us`, `µs`, `ms`, `s`, `m` and `h`, or `0`.
///
/// # Errors
///
/// When the text is no duration, is negative (every duration of the settings is a waiting time), or too long.
pub fn parse_duration(text: &str) -> Result<Duration, ParseDurationError> {
    let malformed = || ParseDurationError::Malformed { text: text.to_owned() };
    let out_of_range = || ParseDurationError::OutOfRange { text: text.to_owned() };
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if unsigned == "0" || unsigned == "-0" {
        return Ok(Duration::ZERO);
    }
    if unsigned.starts_with('-') {
        return Err(out_of_range());
    }
    if unsigned.is_empty() {
        return Err(malformed());
    }
    let mut total: u128 = 0;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(malformed)?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let unit = nanos_of_unit(unit).ok_or_else(malformed)?;
        total = total.checked_add(nanos(number, unit).ok_or_else(malformed)?).ok_or_else(out_of_range)?;
        if total > MAX_NANOS {
            return Err(out_of_range());
        }
        rest = tail;
    }
    let nanos = u64::try_from(total).map_err(|_| out_of_range())?;
    Ok(Duration::from_nanos(nanos))
}

/// Reads a Go duration, or a whole number that counts seconds, as the backoff of a retry strategy does.
///
/// # Errors
///
/// As [`parse_duration`].
pub fn parse_duration_or_seconds(text: &str) -> Result<Duration, ParseDurationError> {
    match text.parse::<u64>() {
        Ok(seconds) if u128::from(seconds) * 1_000_000_000 <= MAX_NANOS => Ok(Duration::from_secs(seconds)),
        Ok(_) => Err(ParseDurationError::OutOfRange { text: text.to_owned() }),
        Err(_) => parse_duration(text),
    }
}

/// Writes a duration as Go does: `1h30m0s`, `2.5s`, `100ms`, `0s`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{nanos}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(nanos, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(nanos, 1_000_000)),
        _ => {
            let minutes = nanos / 60_000_000_000;
            let seconds = decimal(nanos % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

fn nanos_of_unit(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// Multiplies a decimal number with a unit, dropping what is smaller than a nanosecond.
fn nanos(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // Twenty digits are more than any duration in range has; longer numbers end as out of range above.
    let whole: u128 = if whole.is_empty() { 0 } else { clipped(whole, 25).parse().ok()? };
    let fraction = clipped(fraction, 18);
    let part = if fraction.is_empty() {
        0
    } else {
        fraction.parse::<u128>().ok()? * unit / 10_u128.pow(u32::try_from(fraction.len()).ok()?)
    };
    whole.checked_mul(unit)?.checked_add(part)
}

fn clipped(digits: &str, length: usize) -> &str {
    digits.get(..length).unwrap_or(digits)
}

fn decimal(nanos: u128, unit: u128) -> String {
    let (whole, part) = (nanos / unit, nanos % unit);
    if part == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let digits = format!("{part:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_in_go() {
        for (text, nanos) in [
            ("0", 0),
            ("5s", 5_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("2.5s", 2_500_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("100ms", 100_000_000),
            ("3us", 3_000),
            ("3µs", 3_000),
            ("+7ns", 7),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_duration_is_an_error_that_shows_it() {
        for text in ["", "5", "s", ".s", "1d", "1h 30m", "five", "1..5s", "1s-"] {
            let error = parse_duration(text).unwrap_err();
            assert!(matches!(error, ParseDurationError::Malformed { .. }), "{text}: {error}");
            assert!(error.to_string().contains(text));
        }
        for text in ["-1s", "300000000h", "99999999999999999999999999999999999h"] {
            assert!(matches!(parse_duration(text), Err(ParseDurationError::OutOfRange { .. })), "{text}");
        }
    }

    #[test]
    fn a_backoff_may_be_given_in_bare_seconds() {
        assert_eq!(parse_duration_or_seconds("15"), Ok(Duration::from_secs(15)));
        assert_eq!(parse_duration_or_seconds("1m"), Ok(Duration::from_secs(60)));
        assert!(parse_duration_or_seconds("18446744073709551615").is_err());
    }

    #[test]
    fn durations_are_written_as_in_go_and_read_back() {
        for text in ["0s", "1ns", "1.5µs", "100ms", "2.5s", "3m0s", "1h0m0.25s", "24h0m0s"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
    }
}
