//! What happens during a run, in order. Text progress, NDJSON and the record are views of this stream.

use kaphost_plan::StepId;

use crate::cloud::{Activity, CloudError};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A step was begun.
    Started(StepId),
    /// A step failed in a way that waiting may heal; it is tried again in this many milliseconds.
    Retrying {
        /// Which step.
        step: StepId,
        /// Why.
        error: CloudError,
        /// Milliseconds.
        in_ms: u64,
    },
    /// A creation met something of the same name, which turned out to be ours.
    Met(StepId),
    /// AWS said something new about the group that a step waits for.
    Activity {
        /// Which step.
        step: StepId,
        /// What AWS said.
        activity: Activity,
    },
    /// A step is done, after this many milliseconds.
    Done {
        /// Which step.
        step: StepId,
        /// Milliseconds.
        took_ms: u64,
    },
    /// A step failed for good.
    Failed {
        /// Which step.
        step: StepId,
        /// Why.
        error: CloudError,
    },
    /// Somebody asked to stop: calls in flight are finished, nothing new is begun.
    Stopping,
}
