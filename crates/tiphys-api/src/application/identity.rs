//! Names of an application: the instance name that tracks objects, and the qualified name that users see.

use super::Application;

impl Application {
    /// Returns the name that objects are tracked by: the plain name in the control plane's namespace, otherwise
    /// `<namespace>_<name>`. A namespace that is not set counts as the control plane's.
    #[must_use]
    pub fn instance_name(&self, control_namespace: &str) -> String {
        self.joined_name(control_namespace, '_')
    }

    /// Returns the name that users see: the plain name in the control plane's namespace, otherwise
    /// `<namespace>/<name>`.
    #[must_use]
    pub fn qualified_name(&self, control_namespace: &str) -> String {
        self.joined_name(control_namespace, '/')
    }

    fn joined_name(&self, control_namespace: &str, separator: char) -> String {
        let namespace = &self.metadata.namespace;
        if namespace.is_empty() || namespace == control_namespace {
            self.metadata.name.clone()
        } else {
            format!("{namespace}{separator}{}", self.metadata.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // covers: APP-002, APP-003
    #[test]
    fn an_application_outside_the_control_namespace_carries_its_namespace_in_its_names() {
        let mut app = Application::default();
        app.metadata.name = "guestbook".into();
        app.metadata.namespace = "argocd".into();
        assert_eq!(app.instance_name("argocd"), "guestbook");
        assert_eq!(app.qualified_name("argocd"), "guestbook");
        app.metadata.namespace = "team-a".into();
        assert_eq!(app.instance_name("argocd"), "team-a_guestbook");
        assert_eq!(app.qualified_name("argocd"), "team-a/guestbook");
    }
}
