//! When the process should stop, and when it should read its configuration again.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Resolves at the first SIGTERM or SIGINT.
///
/// # Errors
/// When the handlers cannot be installed; a server that cannot be stopped softly should not start.
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// SIGHUP, from now on: one that comes before anybody waits for it is kept, and ends nothing.
///
/// # Errors
/// When the handler cannot be installed.
pub fn hangup_signal() -> std::io::Result<Signal> {
    signal(SignalKind::hangup())
}
