//! `VersionService`: the first thing that every client asks.

use serde_json::json;
use tiphys_wire::WireError;
use tiphys_wire::api::{Call, Reply};

use crate::server::Shared;

/// The release of Argo CD whose API this is, and after the plus sign what it really is. Clients decide by the part
/// before the plus which fields and methods they may use.
pub(crate) const VERSION: &str = concat!("v3.6.0+tiphys.", env!("CARGO_PKG_VERSION"));

/// `Version`: the rest is for who has a session, or where nobody needs one.
pub(crate) async fn version(server: Shared, call: Call) -> Result<Reply, WireError> {
    let known = server.caller(&call.context).is_ok_and(|caller| !caller.is_anonymous());
    if !known {
        return Ok(Reply::one(json!({"Version": VERSION})));
    }
    Ok(Reply::one(json!({
        "Version": VERSION,
        "Compiler": "rustc",
        "Platform": format!("{}/{}", std::env::consts::OS, architecture()),
    })))
}

/// The architecture in Go's words, which scripts compare with.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
