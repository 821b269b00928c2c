//! Parameters of the services: keys of `argocd-cmd-params-cm` and the environment variables that they become.
//!
//! The manifests of the installation turn each key into its variable when a container starts, so that a service knows
//! variables and flags only.

mod api_server;
mod application_controller;
mod application_set_controller;
mod others;
mod repo_server;

use super::component;

/// One parameter of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Key in `argocd-cmd-params-cm`.
    pub key: &'static str,
    /// Environment variable.
    pub env: &'static str,
    /// Value when neither is set.
    pub default: &'static str,
}

/// Parameters of the API server.
pub const API_SERVER: &[Parameter] = api_server::PARAMETERS;
/// Parameters of the repo-server.
pub const REPO_SERVER: &[Parameter] = repo_server::PARAMETERS;
/// Parameters of the application controller.
pub const APPLICATION_CONTROLLER: &[Parameter] = application_controller::PARAMETERS;
/// Parameters of the ApplicationSet controller.
pub const APPLICATION_SET_CONTROLLER: &[Parameter] = application_set_controller::PARAMETERS;
/// Parameters of services that are no part of this installation.
pub const OTHERS: &[Parameter] = others::PARAMETERS;

/// Returns the parameters of a component, given by its name in [`component`].
#[must_use]
pub fn of(component: &str) -> &'static [Parameter] {
    match component {
        component::API_SERVER => API_SERVER,
        component::REPO_SERVER => REPO_SERVER,
        component::APPLICATION_CONTROLLER => APPLICATION_CONTROLLER,
        component::APPLICATION_SET_CONTROLLER => APPLICATION_SET_CONTROLLER,
        _ => &[],
    }
}

/// Says whether any service knows a key of `argocd-cmd-params-cm`.
#[must_use]
pub fn is_known(key: &str) -> bool {
    [API_SERVER, REPO_SERVER, APPLICATION_CONTROLLER, APPLICATION_SET_CONTROLLER, OTHERS]
        .into_iter()
        .flatten()
        .any(|parameter| parameter.key == key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_service_has_a_key_or_a_variable_twice() {
        for parameters in [API_SERVER, REPO_SERVER, APPLICATION_CONTROLLER, APPLICATION_SET_CONTROLLER] {
            let keys: BTreeSet<_> = parameters.iter().map(|parameter| parameter.key).collect();
            let variables: BTreeSet<_> = parameters.iter().map(|parameter| parameter.env).collect();
            assert_eq!((keys.len(), variables.len()), (parameters.len(), parameters.len()));
        }
    }

    #[test]
    fn a_key_of_another_component_is_known_and_a_typing_mistake_is_not() {
        assert!(is_known("dexserver.disable.tls"));
        assert!(!is_known("controller.status.procesors"));
    }
}
