//! Names of applications as users write them: `guestbook` or `team-a/guestbook`.

use std::fmt;

/// An application, with its namespace where one was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AppName {
    /// The namespace; empty for the control plane's.
    pub(crate) namespace: String,
    /// The name.
    pub(crate) name: String,
}

impl AppName {
    /// Reads a qualified name. A namespace in the name wins over `namespace`.
    pub(crate) fn parse(text: &str, namespace: Option<&str>) -> Self {
        match text.split_once('/') {
            Some((namespace, name)) => AppName { namespace: namespace.to_owned(), name: name.to_owned() },
            None => AppName { namespace: namespace.unwrap_or_default().to_owned(), name: text.to_owned() },
        }
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.namespace {
            "" => f.write_str(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: APP-003
    #[test]
    fn a_namespace_in_the_name_wins() {
        assert_eq!(AppName::parse("a", None).to_string(), "a");
        assert_eq!(AppName::parse("a", Some("n")).to_string(), "n/a");
        assert_eq!(AppName::parse("m/a", Some("n")).to_string(), "m/a");
    }
}
