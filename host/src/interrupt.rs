//! Ctrl-C.

use kaphost_apply::Stop;

use crate::exit::Exit;
use crate::term;

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
