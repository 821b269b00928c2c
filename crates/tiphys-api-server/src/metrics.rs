//! The api-server's own metrics, under the reference's names.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};
use tiphys_wire::api::CallMetrics;

/// Counters of this service.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) registry: Registry,
    pub(crate) calls: CallMetrics,
    logins: IntCounterVec,
}

impl Metrics {
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let logins = IntCounterVec::new(
            Opts::new("argocd_login_request_total", "Sign-ins, by whether they succeeded."),
            &["status"],
        )?;
        registry.register(Box::new(logins.clone()))?;
        let info = IntGaugeVec::new(Opts::new("argocd_info", "What this server is."), &["version"])?;
        registry.register(Box::new(info.clone()))?;
        info.with_label_values(&[crate::version::VERSION]).set(1);
        let calls = CallMetrics::register(&registry)?;
        Ok(Self { registry, calls, logins })
    }

    pub(crate) fn login(&self, succeeded: bool) {
        self.logins.with_label_values(&[if succeeded { "success" } else { "failed" }]).inc();
    }
}
