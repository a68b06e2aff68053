//! Carries a plan out, on whatever cloud it is given.
//!
//! Last stage of the pipeline: [`Plan`](kaphost_plan::Plan) → [`Report`]. Owns the [`Cloud`] port, the executor (whatever is ready runs side by side), the
//! retry table, the waits, and the events that every view of a run is made from. Knows no AWS SDK, prints nothing, decides nothing that the plan has not
//! decided.
//!
//! What passes by itself is waited through, by a table; what does not is final at once:
//!
//! ```
//! use kaphost_apply::{ErrorKind, retry::patience};
//!
//! assert!(patience("CreateAutoScalingGroup", ErrorKind::NotVisibleYet, false).is_some());
//! assert_eq!(patience("CreateAutoScalingGroup", ErrorKind::Quota, false), None);
//! ```

mod apply;
mod cloud;
mod event;
mod execute;
mod look;
mod meet;
mod report;
mod resolve;
pub mod retry;
mod rollout;
mod stop;
mod survey;
pub mod wait;

pub use apply::{MAX_ROUNDS, apply};
pub use cloud::{Activity, BoxFuture, Cloud, CloudError, ErrorKind, GroupReport};
pub use event::Event;
pub use execute::{Options, execute};
pub use look::{find, look};
pub use report::{End, Outcome, Record, Report, RunVerdict, StepReport};
pub use stop::Stop;
pub use survey::{Survey, SurveyError, survey};
