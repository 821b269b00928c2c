//! The orderly end of a process.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code after a second signal: what a shell reports for an interrupted program.
const IMPATIENT_EXIT: i32 = 130;

/// A token that is cancelled at the first SIGTERM or Ctrl-C. A second signal ends the process at once, without
/// waiting for what is still under way. Must be called inside a tokio runtime.
pub fn on_signal() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let stopping = token.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stopping.is_cancelled() {
                tracing::warn!("second signal: ending without waiting");
                std::process::exit(IMPATIENT_EXIT);
            }
            tracing::info!("ending: finishing what is under way");
            stopping.cancel();
        }
    });
    Ok(token)
}
