//! Scalars that the API server spells in its own way: quantities, durations, times, base64.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use crate::schema::Scalar;

/// Whether two scalars are the same to the API server.
pub(crate) fn same(scalar: Scalar, one: &Value, other: &Value) -> bool {
    match scalar {
        Scalar::Quantity => quantity(one).is_some_and(|value| Some(value) == quantity(other)),
        Scalar::Duration => {
            texts(one, other).is_some_and(|(a, b)| duration(a).is_some_and(|d| Some(d) == duration(b)))
        }
        Scalar::Time => texts(one, other).is_some_and(|(a, b)| same_time(a, b)),
        Scalar::Bytes => {
            texts(one, other).is_some_and(|(a, b)| bytes(a).is_some_and(|a| Some(a) == bytes(b)))
        }
        Scalar::Text | Scalar::Boolean | Scalar::Number => false,
    }
}

/// What base64 says: line ends within it don't count, nor do the bits after the last byte.
fn bytes(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    LENIENT.decode(text.replace(['\r', '\n'], "")).ok()
}

fn texts<'a>(one: &'a Value, other: &'a Value) -> Option<(&'a str, &'a str)> {
    Some((one.as_str()?, other.as_str()?))
}

/// A quantity in billionths, rounded up; `None` when it is none or too large to say.
fn quantity(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => parse_quantity(text.trim()),
        Value::Number(number) => parse_quantity(&number.to_string()),
        _ => None,
    }
}

fn parse_quantity(text: &str) -> Option<i128> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (digits, suffix) = rest.split_at(end);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if (whole.is_empty() && fraction.is_empty())
        || fraction.contains('.')
        || whole.len() + fraction.len() > 30
    {
        return None;
    }
    let mantissa: i128 = format!("0{whole}{fraction}").parse().ok()?;
    let (binary, decimal) = match suffix {
        "" => (0, 0),
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        _ => (0, suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?),
    };
    let scaled = mantissa.checked_mul(1_i128 << binary)?;
    let exponent = decimal.checked_add(9)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs());
    let size = if exponent >= 0 {
        if scaled == 0 { 0 } else { scaled.checked_mul(power?)? }
    } else {
        match power {
            // Beyond the ninth place everything is rounded away from zero.
            Some(power) => scaled / power + i128::from(scaled % power != 0),
            None => i128::from(scaled != 0),
        }
    };
    Some(if negative { -size } else { size })
}

/// A Go duration in nanoseconds.
fn duration(text: &str) -> Option<i128> {
    if text == "0" {
        return Some(0);
    }
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (digits, tail) = rest.split_at(end);
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let nanoseconds: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if digits.is_empty()
            || digits == "."
            || whole.len() > 18
            || fraction.len() > 18
            || fraction.contains('.')
        {
            return None;
        }
        let whole: i128 = format!("0{whole}").parse().ok()?;
        let part: i128 = format!("0{fraction}").parse().ok()?;
        let places = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        total = total.checked_add(whole.checked_mul(nanoseconds)?)?;
        total = total.checked_add(part.checked_mul(nanoseconds)? / places)?;
        rest = tail;
    }
    Some(if negative { -total } else { total })
}

/// Times are kept in UTC and to the second or the microsecond, so a finer fraction is lost on one side.
fn same_time(one: &str, other: &str) -> bool {
    let (Some((seconds, fraction)), Some((other_seconds, other_fraction))) = (time(one), time(other)) else {
        return false;
    };
    seconds == other_seconds && (fraction.starts_with(other_fraction) || other_fraction.starts_with(fraction))
}

/// Seconds since the epoch and the digits of the fraction, without zeros at its end.
fn time(text: &str) -> Option<(i64, &str)> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, byte)| text.as_bytes().get(*at) != Some(byte)) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let rest = text.get(19..)?;
    let zone_at = rest.find(['Z', 'z', '+', '-'])?;
    let (fraction, zone) = rest.split_at(zone_at);
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), ..] if zone.len() == 6 => {
            let size =
                zone.get(1..3)?.parse::<i64>().ok()? * 3600 + zone.get(4..6)?.parse::<i64>().ok()? * 60;
            if *sign == b'-' { -size } else { size }
        }
        _ => return None,
    };
    // Days since the epoch, with years that begin in March, so that the leap day is the last of its year.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days =
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    Some((seconds, fraction.trim_start_matches('.').trim_end_matches('0')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_are_the_same_however_they_are_spelled() {
        let same = |a: Value, b: Value| super::same(Scalar::Quantity, &a, &b);
        assert!(same(json!("1000m"), json!("1")));
        assert!(same(json!("0.5"), json!("500m")));
        assert!(same(json!(1), json!("1")));
        assert!(same(json!(0.5), json!("500m")));
        assert!(same(json!("1024Mi"), json!("1Gi")));
        assert!(same(json!("1.5Gi"), json!("1536Mi")));
        assert!(same(json!("1e3"), json!("1k")));
        assert!(same(json!("0"), json!("0Gi")));
        assert!(same(json!("-1"), json!("-1000m")));
        assert!(!same(json!("1G"), json!("1Gi")));
        assert!(!same(json!("1"), json!("2")));
        assert!(!same(json!("x"), json!("x")));
        assert!(!same(json!("1e99999999"), json!("1")));
    }

    #[test]
    fn durations_and_times_are_the_same_however_they_are_spelled() {
        let same = |kind, a: &str, b: &str| super::same(kind, &json!(a), &json!(b));
        assert!(same(Scalar::Duration, "1h", "1h0m0s"));
        assert!(same(Scalar::Duration, "90m", "1h30m0s"));
        assert!(same(Scalar::Duration, "1.5s", "1500ms"));
        assert!(!same(Scalar::Duration, "1h", "1m"));
        assert!(same(Scalar::Time, "2020-01-01T00:00:00+01:00", "2019-12-31T23:00:00Z"));
        assert!(same(Scalar::Time, "2024-02-29T00:00:00.000Z", "2024-02-29T00:00:00Z"));
        assert!(!same(Scalar::Time, "2024-02-29T00:00:01Z", "2024-02-29T00:00:00Z"));
        assert!(same(Scalar::Bytes, "YWJj\nZGVm\n", "YWJjZGVm"));
    }

    #[test]
    fn a_time_is_counted_from_the_epoch() {
        assert_eq!(time("1970-01-01T00:00:00Z"), Some((0, "")));
        assert_eq!(time("2000-03-01T00:00:00Z"), Some((951_868_800, "")));
    }
}
