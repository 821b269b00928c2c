//! What a scalar means: YAML 1.1 as the YAML library under kubectl reads it.
//!
//! That is not quite the YAML 1.1 of the specification: there are no base-60 numbers, timestamps stay text, `08` is
//! a float. Knows single scalars only.

/// The meaning of a scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer beyond the signed range.
    Uint(u64),
    Float(f64),
    /// Text that looks like a date; it stays text.
    Timestamp,
    Text,
}

/// The long form that tags have after parsing.
pub(super) const TAG_PREFIX: &str = "tag:yaml.org,2002:";

/// A scalar without a tag and without quotes.
pub(super) fn resolve(text: &str) -> Resolved {
    let Some(first) = text.bytes().next() else { return Resolved::Null };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        b'.' => match word(text) {
            Resolved::Text => dot_float(text),
            known => known,
        },
        b'+' | b'-' | b'0'..=b'9' => match word(text) {
            Resolved::Text => number(text),
            known => known,
        },
        _ => Resolved::Text,
    }
}

/// A scalar with a tag in its long form, quoted or not. `None` when the text contradicts the tag.
pub(super) fn resolve_tagged(tag: &str, text: &str) -> Option<Resolved> {
    let Some(short) = tag.strip_prefix(TAG_PREFIX) else { return Some(Resolved::Text) };
    let found = match short {
        "bool" | "int" | "float" | "null" => resolve(text),
        "timestamp" if is_timestamp(text) => Resolved::Timestamp,
        "timestamp" => resolve(text),
        _ => return Some(Resolved::Text),
    };
    match (short, found) {
        ("bool", Resolved::Bool(_))
        | ("int", Resolved::Int(_) | Resolved::Uint(_))
        | ("float", Resolved::Float(_))
        | ("null", Resolved::Null)
        | ("timestamp", Resolved::Timestamp) => Some(found),
        #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
        ("float", Resolved::Int(whole)) => Some(Resolved::Float(whole as f64)),
        _ => None,
    }
}

fn word(text: &str) -> Resolved {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Resolved::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Resolved::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Resolved::Null,
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
        _ => Resolved::Text,
    }
}

fn number(text: &str) -> Resolved {
    if text.len() > 4 && text.as_bytes().get(4) == Some(&b'-') && is_timestamp(text) {
        return Resolved::Timestamp;
    }
    let without_underscores;
    let plain = if text.contains('_') {
        without_underscores = text.replace('_', "");
        without_underscores.as_str()
    } else {
        text
    };
    integer(plain)
        .or_else(|| is_float(plain).then(|| finite(plain)).flatten())
        .or_else(|| odd_binary(plain))
        .unwrap_or(Resolved::Text)
}

/// An integer with the prefixes of Go: `0x`, `0b`, `0o`, and a leading zero for octal.
fn integer(plain: &str) -> Option<Resolved> {
    let (negative, signed, digits) = match plain.as_bytes().first()? {
        b'-' => (true, true, plain.get(1..)?),
        b'+' => (false, true, plain.get(1..)?),
        _ => (false, false, plain),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, digits.get(2..)?),
        [b'0', b'b' | b'B', _, ..] => (2, digits.get(2..)?),
        [b'0', b'o' | b'O', _, ..] => (8, digits.get(2..)?),
        [b'0', _, ..] => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    magnitude(digits, radix).and_then(|value| with_sign(value, negative, signed))
}

/// `0b` followed by a sign is no number anywhere else, but the library under kubectl takes it for one.
fn odd_binary(plain: &str) -> Option<Resolved> {
    if let Some(rest) = plain.strip_prefix("0b") {
        let negative = rest.starts_with('-');
        let digits = rest.strip_prefix(['-', '+'])?;
        return magnitude(digits, 2).and_then(|value| with_sign(value, negative, true));
    }
    None
}

fn magnitude(digits: &str, radix: u32) -> Option<u64> {
    // The standard reader takes a sign, which has been taken off already.
    if digits.is_empty() || digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

fn with_sign(value: u64, negative: bool, signed: bool) -> Option<Resolved> {
    match i64::try_from(value) {
        Ok(value) => Some(Resolved::Int(if negative { -value } else { value })),
        Err(_) if negative && value == i64::MIN.unsigned_abs() => Some(Resolved::Int(i64::MIN)),
        Err(_) if signed => None,
        Err(_) => Some(Resolved::Uint(value)),
    }
}

/// Whether the text is `[-+]? ( .digits | digits[.digits?] ) ([eE][-+]?digits)?`.
fn is_float(plain: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = plain.strip_prefix(['-', '+']).unwrap_or(plain);
    let whole = digits(rest);
    rest = rest.get(whole..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = digits(fraction);
        if whole == 0 && length == 0 {
            return false;
        }
        rest = fraction.get(length..).unwrap_or_default();
    } else if whole == 0 {
        return false;
    }
    match rest.strip_prefix(['e', 'E']) {
        None => rest.is_empty(),
        Some(exponent) => {
            let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
    }
}

/// A float that is too large for 64 bits stays text.
fn finite(plain: &str) -> Option<Resolved> {
    plain.parse::<f64>().ok().filter(|value| value.is_finite()).map(Resolved::Float)
}

/// What starts with a point goes straight to Go's float reader, which takes an underscore between two digits.
fn dot_float(text: &str) -> Resolved {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let underscores_fit = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'_')
        .all(|(at, _)| digit(at.checked_sub(1)) && digit(at.checked_add(1)));
    if !underscores_fit {
        return Resolved::Text;
    }
    let plain = text.replace('_', "");
    if is_float(&plain) { finite(&plain).unwrap_or(Resolved::Text) } else { Resolved::Text }
}

/// Whether the text is a date, or a date and a time, in one of the four shapes that are taken for a timestamp.
fn is_timestamp(text: &str) -> bool {
    let Some((year, rest)) = text.split_once('-') else { return false };
    if year.len() != 4 || !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let Some((month, rest)) = rest.split_once('-') else { return false };
    let day_length = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (day, rest) = rest.split_at(day_length);
    let (Some(month), Some(day)) = (in_range(month, 1, 12), in_range(day, 1, 31)) else { return false };
    let leap = year.parse::<u32>().is_ok_and(|year| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    let longest = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if day > longest {
        return false;
    }
    match rest.as_bytes().first() {
        None => true,
        Some(b'T' | b't') => is_time(rest.get(1..).unwrap_or_default(), true),
        Some(b' ') => is_time(rest.get(1..).unwrap_or_default(), false),
        Some(_) => false,
    }
}

fn is_time(text: &str, zoned: bool) -> bool {
    let (time, zone) = if zoned {
        match text.find(['Z', '+', '-']) {
            Some(at) => text.split_at(at),
            None => return false,
        }
    } else {
        (text, "")
    };
    let mut parts = time.splitn(3, ':');
    let (Some(hour), Some(minute), Some(second)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let (second, fraction) = match second.split_once(['.', ',']) {
        Some((second, fraction)) => (second, Some(fraction)),
        None => (second, None),
    };
    let zone_fits = !zoned
        || zone == "Z"
        || (zone.len() == 6
            && zone.as_bytes().get(3) == Some(&b':')
            && zone.get(1..3).is_some_and(|hours| in_range(hours, 0, 24).is_some())
            && zone.get(4..6).is_some_and(|minutes| in_range(minutes, 0, 60).is_some()));
    in_range(hour, 0, 23).is_some()
        && in_range(minute, 0, 59).is_some()
        && in_range(second, 0, 59).is_some()
        && fraction
            .is_none_or(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        && zone_fits
}

fn in_range(text: &str, low: u32, high: u32) -> Option<u32> {
    if text.is_empty() || text.len() > 2 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|value| (low..=high).contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_booleans_and_null_in_three_spellings_each() {
        for text in ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE"] {
            assert_eq!(resolve(text), Resolved::Bool(true), "{text}");
        }
        for text in ["yES", "tRUE", "nULL", "yess", "none"] {
            assert_eq!(resolve(text), Resolved::Text, "{text}");
        }
        assert_eq!(resolve(""), Resolved::Null);
    }

    #[test]
    fn integers_have_the_prefixes_of_go() {
        for (text, value) in [
            ("0644", 420),
            ("0o644", 420),
            ("0x1F", 31),
            ("0b11", 3),
            ("-0b11", -3),
            ("+12", 12),
            ("-0", 0),
            ("1_000", 1000),
            ("0b-11", -3),
            ("0b+11", 3),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(resolve(text), Resolved::Int(value), "{text}");
        }
        assert_eq!(resolve("18446744073709551615"), Resolved::Uint(u64::MAX));
        for text in ["0o8", "0x", "0b2", "1:30", "--1", "+", "-", "1 000", "0xg"] {
            assert_eq!(resolve(text), Resolved::Text, "{text}");
        }
    }

    #[test]
    fn floats_may_lack_a_side_of_the_point_and_stay_text_when_too_large() {
        for (text, value) in [
            ("1.", 1.0),
            (".5", 0.5),
            ("-.5", -0.5),
            ("1e3", 1e3),
            ("08", 8.0),
            (".5_0", 0.5),
            ("1_0.5", 10.5),
        ] {
            assert_eq!(resolve(text), Resolved::Float(value), "{text}");
        }
        for text in ["1e400", ".", ".e5", "1e", "1.2.3", "._5", ".5_", "infinity", "nan"] {
            assert_eq!(resolve(text), Resolved::Text, "{text}");
        }
    }

    #[test]
    fn a_tag_must_fit_its_value() {
        let tagged = |tag: &str, text| resolve_tagged(&format!("{TAG_PREFIX}{tag}"), text);
        assert_eq!(tagged("int", "12"), Some(Resolved::Int(12)));
        assert_eq!(tagged("int", "1.5"), None);
        assert_eq!(tagged("float", "1"), Some(Resolved::Float(1.0)));
        assert_eq!(tagged("str", "12"), Some(Resolved::Text));
        assert_eq!(tagged("timestamp", "2001-1-2"), Some(Resolved::Timestamp));
        assert_eq!(tagged("timestamp", "2001-13-2"), None);
        assert_eq!(resolve_tagged("!own", "12"), Some(Resolved::Text));
    }
}
