//! What happens during a run, in order. Text progress, NDJSON and the record are views of this stream.

use std::sync::Arc;

use kaphost_plan::{Plan, Refresh, StepId};

use crate::cloud::{Activity, CloudError};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A further round begins, because the last one met things that an earlier or a rival run had made. Steps after this are steps of this plan.
    Replanned(Arc<Plan>),
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
    /// A creation met something of the same name, which turned out to be ours. [`Event::Done`] follows.
    Met(StepId),
    /// AWS said something new about the group that a step waits for.
    Activity {
        /// Which step.
        step: StepId,
        /// What AWS said.
        activity: Activity,
    },
    /// The instance refresh that a step waits for is further than it was.
    Refresh {
        /// Which step.
        step: StepId,
        /// How it is.
        refresh: Refresh,
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
    /// A step was ended before its time, because the run stops: a wait, or a pause before another attempt. Nothing was in flight.
    CutShort(StepId),
    /// Somebody asked to stop: calls in flight are finished, nothing new is begun.
    Stopping,
}
