//! Whether an Application makes sense before it is written: its project exists and permits it, its destination is
//! known, its sources can be reached, and they render.

use tiphys_api::Application;
use tiphys_rbac::Destination;
use tiphys_wire::{ErrorKind, WireError};

use super::manifests::refer;
use crate::errors::from_sibling;
use crate::repository;
use crate::server::Server;

impl Server {
    /// Refuses an Application whose project is not there or does not let it live in its namespace.
    pub(super) fn check_project(&self, application: &Application) -> Result<(), WireError> {
        let name = application.spec.project_name();
        let project = self.projects.limits(name, &self.settings.load()).ok_or_else(|| {
            WireError::invalid_argument(format!(
                "app is not allowed in project \"{name}\", or the project does not exist"
            ))
        })?;
        if project.permits_application_namespace(&application.metadata.namespace, &self.config.namespace) {
            Ok(())
        } else {
            Err(WireError::invalid_argument(format!(
                "app is not allowed in project \"{name}\", or the project does not exist"
            )))
        }
    }

    /// Everything that can be said against a spec, in the words of the conditions that the controller would set.
    pub(super) async fn check_spec(&self, application: &Application) -> Result<(), WireError> {
        let mut problems = self.problems_of(application);
        if problems.is_empty() {
            problems = self.unreachable_sources(application).await?;
        }
        if problems.is_empty() {
            problems = self.unrenderable_sources(application).await?;
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(WireError::invalid_argument(format!(
            "application spec for {} is invalid: {}",
            application.metadata.name,
            problems
                .into_iter()
                .map(|problem| format!("InvalidSpecError: {problem}"))
                .collect::<Vec<_>>()
                .join(";")
        )))
    }

    fn problems_of(&self, application: &Application) -> Vec<String> {
        let settings = self.settings.load();
        let spec = &application.spec;
        let name = spec.project_name();
        let Some(project) = self.projects.limits(name, &settings) else {
            return vec![format!("Application referencing project {name} which does not exist")];
        };
        let mut problems = Vec::new();
        let sources = spec.effective_sources();
        if sources.is_empty() {
            problems.push("spec.source or spec.sources is required".to_owned());
        }
        for source in &sources {
            if source.repo_url.is_empty()
                || (source.path.is_empty() && source.chart.is_empty() && source.ref_.is_empty())
            {
                problems.push(
                    "spec.source.repoURL and either spec.source.path or spec.source.chart are required"
                        .to_owned(),
                );
            } else if !source.chart.is_empty() && source.target_revision.is_empty() {
                problems.push(
                    "spec.source.targetRevision is required if the manifest source is a helm chart"
                        .to_owned(),
                );
            } else if !project.permits_source(&source.repo_url) {
                problems.push(format!(
                    "application repo {} is not permitted in project '{name}'",
                    source.repo_url
                ));
            }
        }
        let destination = &spec.destination;
        match settings.clusters.resolve(destination) {
            Err(error) => problems.push(error.to_string()),
            Ok(cluster) => {
                if !project.permits_destination(Destination::from(cluster), &destination.namespace) {
                    problems.push(format!(
                        "application destination server '{}' and namespace '{}' do not match any of the allowed destinations in project '{name}'",
                        cluster.server, destination.namespace
                    ));
                }
            }
        }
        problems
    }

    /// Asks the repo-server whether it finds every Git source at its revision.
    async fn unreachable_sources(&self, application: &Application) -> Result<Vec<String>, WireError> {
        let settings = self.settings.load_full();
        let project = application.spec.project_name();
        let mut problems = Vec::new();
        for source in application.spec.effective_sources().iter().filter(|source| source.chart.is_empty()) {
            let request = tiphys_wire::internal::ResolveRevisionRequest {
                source: Some(repository::source(&settings, project, source, "")),
                no_revision_cache: false,
            };
            let mut client = self.repo_server.clone();
            let asked =
                tokio::time::timeout(self.config.repo_server_timeout, client.resolve_revision(request)).await;
            match asked {
                Ok(Ok(_)) => {}
                Ok(Err(status)) => {
                    let error = from_sibling("repo-server", status);
                    if error.kind == ErrorKind::Unavailable {
                        return Err(error);
                    }
                    problems.push(format!("repository not accessible: {}", error.message));
                }
                Err(_) => {
                    return Err(WireError::deadline_exceeded(format!(
                        "the repo-server did not look at {} in time",
                        source.repo_url
                    )));
                }
            }
        }
        Ok(problems)
    }
    /// Has the repo-server render every source, as the controller will. What it renders is not wasted: the controller's
    /// first comparison finds it in the cache.
    async fn unrenderable_sources(&self, application: &Application) -> Result<Vec<String>, WireError> {
        let settings = self.settings.load_full();
        let sources = application.spec.effective_sources();
        let revisions = vec![String::new(); sources.len()];
        let capabilities = self.capabilities(application, &settings).await;
        let mut problems = Vec::new();
        for source in sources.iter().filter(|source| !source.path.is_empty() || !source.chart.is_empty()) {
            let mut request = self.render_request(application, &settings, source, "", &capabilities);
            refer(&mut request, application.spec.project_name(), &settings, sources.iter().zip(&revisions));
            match self.render(request).await {
                Ok(_) => {}
                Err(error) if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::DeadlineExceeded) => {
                    return Err(error);
                }
                Err(error) => {
                    let place = if source.path.is_empty() { &source.chart } else { &source.path };
                    problems.push(format!("Unable to generate manifests in {place}: {}", error.message));
                }
            }
        }
        Ok(problems)
    }
}
