//! The wish to stop, as ctrl-C utters it.

use std::sync::Arc;

use tokio::sync::watch;

/// A flag that is raised once and seen by every clone. Cheap to clone; raise it from anywhere.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// Not raised.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Raises it. Doing so again changes nothing.
    pub fn raise(&self) {
        self.0.send_replace(true);
    }

    /// Whether it is raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once it is raised.
    pub async fn raised(&self) {
        // The sender lives in `self`, so the only error (no sender is left) cannot happen; it would mean "never", and waiting on is right for it.
        if self.0.subscribe().wait_for(|raised| *raised).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_clone_sees_it() {
        let stop = Stop::new();
        let other = stop.clone();
        let waiting = tokio::spawn(async move { other.raised().await });
        assert!(!stop.is_raised());
        stop.raise();
        waiting.await.unwrap();
        stop.raised().await;
        assert!(stop.is_raised());
    }
}
