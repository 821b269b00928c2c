//! REST routes as the `.proto` files write them: `VERB /path/{field}/{rest=**} body=field`.

use http::Method as Verb;

/// What is wrong with the text of a route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the route {line:?}: {reason}")]
pub struct RouteError {
    line: String,
    reason: &'static str,
}

/// Where the body of the request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BodyTo {
    /// There is none; query parameters fill the message.
    Nothing,
    /// The body is the message; query parameters are not looked at.
    Message,
    /// The body is this field; query parameters fill the others.
    Field(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Field(String),
    /// Takes all that is left, with its slashes.
    Rest(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub verb: Verb,
    pub body: BodyTo,
    segments: Vec<Segment>,
}

impl Route {
    pub(super) fn parse(line: &str) -> Result<Self, RouteError> {
        let wrong = |reason| RouteError { line: line.to_owned(), reason };
        let mut words = line.split_whitespace();
        let verb = words
            .next()
            .and_then(|word| Verb::from_bytes(word.as_bytes()).ok())
            .ok_or_else(|| wrong("it does not begin with a verb"))?;
        let path = words
            .next()
            .and_then(|word| word.strip_prefix('/'))
            .ok_or_else(|| wrong("there is no path after the verb"))?;
        let body = match words.next().map(|word| word.strip_prefix("body=")) {
            None => BodyTo::Nothing,
            Some(Some("*")) => BodyTo::Message,
            Some(Some(field)) if !field.is_empty() => BodyTo::Field(field.to_owned()),
            Some(_) => return Err(wrong("what follows the path is not body=")),
        };
        let segments: Vec<Segment> = path
            .split('/')
            .map(|text| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
                None => Segment::Literal(text.to_owned()),
                Some(field) => match field.strip_suffix("=**") {
                    Some(field) => Segment::Rest(field.to_owned()),
                    None => Segment::Field(field.to_owned()),
                },
            })
            .collect();
        let rest = segments.iter().position(|segment| matches!(segment, Segment::Rest(_)));
        if rest.is_some_and(|at| at + 1 != segments.len()) {
            return Err(wrong("something follows the parameter that takes the rest"));
        }
        Ok(Self { verb, body, segments })
    }

    /// The parameters of `path` if it is one of this route, percent-encoding undone in each of them.
    pub(super) fn captures(&self, path: &str) -> Option<Vec<(&str, String)>> {
        let mut captures = Vec::new();
        let mut parts = path.strip_prefix('/')?.split('/');
        for segment in &self.segments {
            match segment {
                Segment::Rest(field) => {
                    let rest: Vec<&str> = parts.by_ref().collect();
                    captures.push((field.as_str(), percent_decode(&rest.join("/"), false)?));
                }
                Segment::Literal(text) => {
                    if parts.next()? != text {
                        return None;
                    }
                }
                Segment::Field(field) => {
                    let text = parts.next().filter(|text| !text.is_empty())?;
                    captures.push((field.as_str(), percent_decode(text, false)?));
                }
            }
        }
        parts.next().is_none().then_some(captures)
    }

    /// Routes with literals further to the front are tried first.
    pub(super) fn precedence(&self) -> Vec<u8> {
        self.segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(_) => 0,
                Segment::Field(_) => 1,
                Segment::Rest(_) => 2,
            })
            .collect()
    }
}

/// Undoes percent-encoding; `plus` says whether a plus is a blank, as in queries. `None` for broken encoding.
pub(super) fn percent_decode(text: &str, plus: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            b'+' if plus => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

/// The pairs of a query, in order; those with broken encoding are left out.
pub(super) fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query.split('&').filter(|pair| !pair.is_empty()).filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((percent_decode(key, true)?, percent_decode(value, true)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_parameter_may_hold_an_encoded_slash() {
        let route = Route::parse("GET /api/v1/repositories/{repo}/refs").unwrap();
        let found = route.captures("/api/v1/repositories/https%3A%2F%2Fgit.example.com%2Fa+b/refs").unwrap();
        assert_eq!(found, [("repo", "https://git.example.com/a+b".to_owned())]);
        assert_eq!(route.captures("/api/v1/repositories/a/b/refs"), None);
        assert_eq!(route.captures("/api/v1/repositories//refs"), None);
        assert_eq!(route.captures("/api/v1/repositories/%zz/refs"), None);
    }

    #[test]
    fn a_rest_parameter_takes_slashes_and_may_be_empty() {
        let route = Route::parse("GET /can-i/{resource}/{subresource=**}").unwrap();
        let last = |path| route.captures(path).map(|found| found[1].1.clone());
        assert_eq!(last("/can-i/applications/default/guestbook").as_deref(), Some("default/guestbook"));
        assert_eq!(last("/can-i/applications/").as_deref(), Some(""));
    }

    #[test]
    fn a_route_that_is_none_is_refused() {
        for line in ["", "GET", "GET x", "GET /x what", "GET /{a=**}/b"] {
            assert!(Route::parse(line).is_err(), "{line}");
        }
    }
}
