//! Kubernetes quantities as thousandths, enough for sums of CPU and memory. Not a general decimal type.

/// The value of a quantity such as `250m`, `1Gi`, `1e3` or `0.5` in thousandths, rounded up as the API does;
/// `None` when the text is not a quantity. Values beyond the range of the type are cut off at its ends.
pub fn milli_value(text: &str) -> Option<i64> {
    let text = text.trim();
    let split = text
        .char_indices()
        .find(|(at, c)| !(c.is_ascii_digit() || *c == '.' || (*at == 0 && (*c == '+' || *c == '-'))))
        .map_or(text.len(), |(at, _)| at);
    let (number, suffix) = text.split_at(split);
    let number: f64 = number.parse().ok().filter(|value: &f64| value.is_finite())?;
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024f64.powi(4),
        "Pi" => 1024f64.powi(5),
        "Ei" => 1024f64.powi(6),
        exponent => 10f64.powi(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    // Far below one thousandth lies only the error of the multiplication, which must not round 250m up to 251.
    let milli = number * factor * 1000.0;
    let rounded = if (milli - milli.round()).abs() < 1e-6 { milli.round() } else { milli.ceil() };
    // A cast of a float saturates.
    #[allow(clippy::cast_possible_truncation)]
    Some(rounded as i64)
}

#[cfg(test)]
mod tests {
    use super::milli_value;

    #[test]
    fn quantities_are_read_in_every_notation() {
        for (text, milli) in [
            ("1", 1000),
            ("250m", 250),
            ("0.1", 100),
            ("1.5", 1500),
            ("100u", 1),
            ("1Ki", 1_024_000),
            ("128Mi", 134_217_728_000),
            ("2e3", 2_000_000),
            ("1E", 1_000_000_000_000_000_000_000f64 as i64),
            ("-1", -1000),
        ] {
            assert_eq!(milli_value(text), Some(milli), "{text}");
        }
        for text in ["", "m", "1x", "1.2.3", "e3", "NaN", "inf"] {
            assert_eq!(milli_value(text), None, "{text}");
        }
    }
}
