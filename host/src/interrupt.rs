//! Ctrl-C.

use kaphost_apply::Stop;
use serde_json::Value;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::term;

/// Does what changes nothing, to its end or until ctrl-C (or a SIGTERM) comes.
///
/// # Errors
/// What the work fails with, or that it was stopped.
pub(crate) async fn or_ctrl_c<T, E: Into<Failure>>(work: impl Future<Output = Result<T, E>>) -> Result<T, Failure> {
    let stopped = async {
        if !asked().await {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        result = work => result.map_err(Into::into),
        () = stopped => Err(Failure::Stopped { changed: false, interrupted: true, report: Value::Null }),
    }
}

/// A stop that the first ctrl-C (or a SIGTERM) raises. The second one ends the program at once, with the exit code of a run that was cut short.
#[must_use]
pub(crate) fn stop_on_ctrl_c() -> Stop {
    let stop = Stop::new();
    let raise = stop.clone();
    tokio::spawn(async move {
        if asked().await {
            raise.raise();
        }
        if asked().await {
            term::err("\nStopped at once: calls in flight may have done their work. Run the same command again.\n");
            std::process::exit(i32::from(Exit::Partial.code()));
        }
    });
    stop
}

/// Whether somebody asked; false when the system cannot tell, which then means never.
async fn asked() -> bool {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return tokio::signal::ctrl_c().await.is_ok() };
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed.is_ok(),
            got = terminate.recv() => got.is_some(),
        }
    }
    #[cfg(not(unix))]
    {
        tokio::signal::ctrl_c().await.is_ok()
    }
}
