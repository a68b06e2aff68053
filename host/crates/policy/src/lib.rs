//! Policies: WebAssembly components that may rewrite or refuse a cluster, run in a sandbox.
//!
//! Second stage of the pipeline: `Spec` → [`admit()`] → `AdmittedSpec` and [`Decision`]. [`PolicyHost`] loads a component: reads its imports and
//! exports before anything runs, refuses what goes outside the contract (`wit/policy.wit`), compiles it or takes it from the cache, and asks it
//! who it is. [`admit()`] runs mutators to a fixed point and validators on what they leave, compares the records leaf by leaf, and holds every
//! change against the policy's own reasons and against its [`Terms`]: what it may write, and what of that it may make less safe.
//!
//! A failure of a policy ([`PolicyError`]) is neither a denial nor a pass. Whatever a guest says has passed through [`visible`] before it
//! leaves this crate, except for the values of the cluster itself ([`Change::old`] and [`Change::new`]), which are data.
//!
//! Reads no config, knows nothing of AWS or of plans, prints nothing, reads no environment and no clock but the one that holds deadlines.
//! wasmtime's types and the generated bindings are not part of its interface.
//!
//! ```no_run
//! use kaphost_policy::{Circumstances, Facts, HostOptions, Outcome, Policy, PolicyError, PolicyHost, admit};
//!
//! # fn example(spec: &kaphost_spec::Spec, now: jiff::Timestamp) -> Result<(), PolicyError> {
//! let host = PolicyHost::new(HostOptions::default())?;
//! let module = host.load_file("org.wasm".as_ref())?;
//! match module.settings(&[("narrow".into(), "true".into())]) {
//!     Err(errors) => errors.iter().for_each(|error| eprintln!("{error}; {}", error.help())),
//!     Ok(settings) => {
//!         let circumstances = Circumstances { facts: &Facts::default(), waivers: &[], now };
//!         match admit(spec, &[Policy::alone(module, settings)], &circumstances)?.outcome {
//!             Outcome::Admitted(admitted) => println!("{}", admitted.decision()),
//!             Outcome::Denied => println!("denied"),
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod admit;
// Guests for tests are made with what others see of this crate; its own tests use them, too.
#[cfg(test)]
extern crate self as kaphost_policy;

mod anatomy;
mod answer;
mod bindings;
mod burden;
mod cache;
mod call;
mod content;
mod convert;
mod decision;
mod description;
mod engine;
mod error;
mod host;
mod image;
mod inspect;
mod limits;
mod module;
mod pool;
mod returned;
mod rules;
mod settings;
mod state;
mod terms;
#[cfg(test)]
mod testing;
mod text;
mod ticker;
mod tighten;
mod waiver;

pub use admit::{Circumstances, admit};
pub use anatomy::{Anatomy, Producer};
pub use decision::{
    Admission, CallLog, Chain, Change, DECISION_SCHEMA, Decision, Effect, OrderDependence, OrderPath, Outcome, PolicyRecord, Reversed,
    Verdict, Violation,
};
pub use description::{Description, Rule, SettingKind, SettingSchema, SettingValue, Severity};
pub use engine::ENGINE_VERSION;
pub use error::{
    AnswerError, DescriptionError, HostError, LoadError, Operation, PolicyError, RunError, Unsettled, UnsettledPath, UnsettledWrite,
};
pub use host::{HostOptions, ModuleFile, PolicyHost};
pub use kaphost_spec::facts::{AmiFacts, FactKind, Facts, SubnetFacts, VpcFacts};
pub use limits::{DEFAULT_COMPONENT_BYTES, DEFAULT_STACK_BYTES, LimitOverrides, Limits, MAX_STACK_BYTES};
pub use module::{Module, World};
pub use settings::{Misgiven, SettingError, Settings, TypedSetting, setting_of};
pub use state::{Log, LogLevel, Usage};
pub use terms::{Enforcement, NoEnforcement, Policy, Terms};
pub use text::visible;
pub use waiver::{Waiver, WaiverRecord, WaiverState};
