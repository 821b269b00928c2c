//! The cookie that holds a browser's session. A token may be longer than one cookie can be, so it comes in numbered
//! parts, in the format that the reference's own servers read and write.

/// Name of the cookie; further parts are `argocd.token-1` and so on.
pub const COOKIE_NAME: &str = "argocd.token";

/// Longest cookie, attributes included, that every browser keeps.
const MAX_LENGTH: usize = 4093;

/// The values of `Set-Cookie` for this token. `attributes` follow each of them (`path=/`, `SameSite=lax`, …).
/// `None` when it takes more than `max` cookies.
pub fn split_cookie(token: &str, attributes: &[String], max: usize) -> Option<Vec<String>> {
    let attributes = attributes.join("; ");
    // `argocd.token-NN=`, a count before the first part, and `; ` before the attributes.
    let room = MAX_LENGTH.checked_sub(COOKIE_NAME.len() + 12 + attributes.len()).filter(|room| *room > 0)?;
    let suffix = if attributes.is_empty() { String::new() } else { format!("; {attributes}") };
    if token.len() <= room {
        return Some(vec![format!("{COOKIE_NAME}={token}{suffix}")]);
    }
    let mut parts = Vec::new();
    let mut rest = token;
    while !rest.is_empty() {
        // A token is ASCII; anything else is cut at the nearest character.
        let (part, tail) = rest.split_at(rest.floor_char_boundary(room));
        parts.push(part);
        rest = tail;
    }
    if parts.len() > max {
        return None;
    }
    let count = parts.len();
    Some(
        parts
            .into_iter()
            .enumerate()
            .map(|(index, part)| match index {
                0 => format!("{COOKIE_NAME}={count}:{part}{suffix}"),
                _ => format!("{COOKIE_NAME}-{index}={part}{suffix}"),
            })
            .collect(),
    )
}

/// The values of `Set-Cookie` that take a session back.
pub fn cleared_cookies(attributes: &[String]) -> Vec<String> {
    let mut cookie = format!("{COOKIE_NAME}=");
    for attribute in attributes {
        cookie.push_str("; ");
        cookie.push_str(attribute);
    }
    vec![cookie]
}

/// The token in the `Cookie` headers of a request, joined of its parts; `None` without one, or with a part missing.
pub fn join_cookies<'a>(headers: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let pairs: Vec<(&str, &str)> = headers
        .into_iter()
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .collect();
    let value = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let first = value(COOKIE_NAME)?;
    let Some((count, part)) = first.split_once(':') else { return Some(first.to_owned()) };
    let count: usize = count.parse().ok()?;
    let mut token = part.to_owned();
    for index in 1..count {
        token.push_str(value(&format!("{COOKIE_NAME}-{index}"))?);
    }
    Some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes() -> Vec<String> {
        ["path=/", "SameSite=lax", "httpOnly", "Secure"].map(str::to_owned).to_vec()
    }

    fn sent_back(cookies: &[String]) -> String {
        cookies.iter().map(|cookie| cookie.split(';').next().unwrap_or("")).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_short_token_is_one_plain_cookie() {
        let cookies = split_cookie("abc", &attributes(), 20).unwrap();
        assert_eq!(cookies, ["argocd.token=abc; path=/; SameSite=lax; httpOnly; Secure"]);
        assert_eq!(join_cookies([sent_back(&cookies).as_str()]).as_deref(), Some("abc"));
    }

    #[test]
    fn a_long_token_comes_back_from_its_parts_in_any_order() {
        let token = "0123456789".repeat(1200);
        let cookies = split_cookie(&token, &attributes(), 20).unwrap();
        assert_eq!(cookies.len(), 3);
        assert!(cookies.iter().all(|cookie| cookie.len() <= 4093));
        assert!(cookies[0].starts_with("argocd.token=3:0123"));
        let mut reversed = cookies.clone();
        reversed.reverse();
        let header = format!("other=1; {}", sent_back(&reversed));
        assert_eq!(join_cookies([header.as_str()]), Some(token.clone()));
        assert_eq!(join_cookies([sent_back(&cookies[..2]).as_str()]), None);
        assert_eq!(split_cookie(&token, &attributes(), 2), None);
    }
}
