//! One line of a policy: fields with commas between, in quotes where they hold one.

/// Splits a line into fields, without spaces around them.
///
/// # Errors
///
/// When quotes are not closed, or stand in the middle of a field.
pub(crate) fn fields(line: &str) -> Result<Vec<String>, &'static str> {
    let mut fields = Vec::new();
    let mut chars = line.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let mut field = String::new();
        if chars.next_if_eq(&'"').is_some() {
            loop {
                match chars.next().ok_or("quotes are not closed")? {
                    '"' if chars.next_if_eq(&'"').is_some() => field.push('"'),
                    '"' => break,
                    c => field.push(c),
                }
            }
            while chars.next_if(|c| c.is_whitespace()).is_some() {}
            if chars.peek().is_some_and(|&c| c != ',') {
                return Err("text follows closing quotes");
            }
        } else {
            while let Some(c) = chars.next_if(|&c| c != ',') {
                if c == '"' {
                    return Err("quotes stand in the middle of a field");
                }
                field.push(c);
            }
            field.truncate(field.trim_end().len());
        }
        fields.push(field);
        if chars.next().is_none() {
            return Ok(fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_at_commas_outside_quotes() {
        for (line, expected) in [
            ("p, a,b ,  c", vec!["p", "a", "b", "c"]),
            ("g, \"CN=a,OU=b\", role:x", vec!["g", "CN=a,OU=b", "role:x"]),
            ("g, \"say \"\"hi\"\"\" , x", vec!["g", "say \"hi\"", "x"]),
            ("a,,", vec!["a", "", ""]),
        ] {
            assert_eq!(fields(line).unwrap(), expected, "{line}");
        }
        for line in ["p, \"a", "p, a\"b", "p, \"a\"b"] {
            assert!(fields(line).is_err(), "{line}");
        }
    }
}
