//! One control plane for all tests of a test binary.

use std::sync::OnceLock;

use super::{AuditLog, ControlPlane, ControlPlaneConfig};

/// The control plane that all tests of this process share: the first caller starts it, and it ends with the
/// process. Tests keep apart by namespaces of their own, see [`ControlPlane::create_namespace`]; a test that
/// disturbs the control plane itself starts one for itself.
///
/// # Panics
/// When it cannot be started: no test that asks for it can say anything then.
#[allow(clippy::panic, reason = "for tests alone, where a panic is the report")]
pub fn shared_control_plane() -> &'static ControlPlane {
    static SHARED: OnceLock<Result<ControlPlane, String>> = OnceLock::new();
    let outcome = SHARED.get_or_init(|| {
        let config = ControlPlaneConfig { audit_log: AuditLog::Metadata, ..ControlPlaneConfig::default() };
        ControlPlane::start(config).map_err(|error| format!("{error:#}"))
    });
    match outcome {
        Ok(plane) => plane,
        Err(error) => panic!("no control plane: {error}"),
    }
}
