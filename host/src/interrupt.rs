//! Ctrl-C.

use std::sync::OnceLock;
#[cfg(unix)]
use std::task::Poll;

use kaphost_apply::Stop;
use serde_json::Value;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::term;

/// Raised by the first ctrl-C (or SIGTERM) of this process, which has signals once, as every process has.
static STOP: OnceLock<Stop> = OnceLock::new();

/// The stop that the first ctrl-C (or a SIGTERM) raises. The second one ends the program at once, with the exit code of a run that was cut short. Listens from
/// the first call on, so that no ctrl-C falls between two parts of a command. Call it within a runtime.
#[must_use]
pub(crate) fn stop() -> Stop {
    let listen = || {
        let stop = Stop::new();
        let raise = stop.clone();
        let mut signals = Signals::new();
        tokio::spawn(async move {
            signals.next().await;
            raise.raise();
            signals.next().await;
            term::err("\nStopped at once: calls in flight may have done their work. Run the same command again.\n");
            std::process::exit(i32::from(Exit::Partial.code()));
        });
        stop
    };
    STOP.get_or_init(listen).clone()
}

/// Does what changes nothing, to its end or until ctrl-C comes.
///
/// # Errors
/// What the work fails with, or that it was stopped.
pub(crate) async fn or_ctrl_c<T, E: Into<Failure>>(work: impl Future<Output = Result<T, E>>) -> Result<T, Failure> {
    let stop = stop();
    tokio::select! {
        result = work => result.map_err(Into::into),
        () = stop.raised() => Err(Failure::Stopped { said: String::new(), changed: false, interrupted: true, report: Value::Null }),
    }
}

/// What asks this process to stop. Where the system cannot tell, nothing ever comes.
#[cfg(unix)]
struct Signals(Vec<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self([SignalKind::interrupt(), SignalKind::terminate()].into_iter().filter_map(|kind| signal(kind).ok()).collect())
    }

    async fn next(&mut self) {
        std::future::poll_fn(|cx| {
            let came = self.0.iter_mut().any(|signal| matches!(signal.poll_recv(cx), Poll::Ready(Some(()))));
            if came { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// What asks this process to stop. Where the system cannot tell, nothing ever comes.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    const fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
