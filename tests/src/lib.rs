//! The harness of kaphost's end-to-end tests: an AWS API on loopback, and kaphost run against it with nothing of the
//! machine's own in reach.
//!
//! It stands outside the pipeline and sees kaphost as a user does: a program with arguments, files, an environment, two
//! streams and an exit code, and AWS as AWS would see it: a list of calls. It deliberately knows no type of kaphost's
//! crates, decides nothing about what is right (that is the tests' business), and talks to no address but loopback.
//!
//! ```no_run
//! use kaphost_tests::{Emulator, Kaphost};
//!
//! # fn main() -> Result<(), kaphost_tests::Failure> {
//! let account = Emulator::shared()?.account();
//! let kaphost = Kaphost::on(&account)?;
//! let seed = account.seed("us-east-1")?;
//! let config = kaphost.write("cluster.kdl", &format!("cluster \"demo\" region={:?}", seed.region))?;
//! let run = kaphost.run(["plan".as_ref(), config.as_os_str()])?;
//! assert_eq!(run.code, Some(1), "{run}");
//! assert_eq!(account.calls()?.len(), 0);
//! # Ok(())
//! # }
//! ```

mod account;
mod boto3;
mod built;
mod calls;
mod compiled;
mod config;
pub mod debian;
mod emulator;
mod failure;
mod guest;
mod handmade;
mod holdings;
mod iam;
mod loopback;
mod machine;
mod oci_registry;
mod python;
mod rules;
mod runner;
mod running;
mod schemas;
mod set;
mod stage;
mod transcript;

pub use account::{Account, Image, Seed, Subnet};
pub use boto3::{REGION, Refused};
pub use built::Built;
pub use calls::{Call, CallLog, Kind};
pub use config::{Config, OPEN, SMALLEST};
pub use emulator::{Behaviour, Emulator};
pub use failure::Failure;
pub use guest::{Fact, content_with, policy};
pub use handmade::Handmade;
pub use holdings::Holdings;
pub use iam::{Asked, Estate, Policy};
pub use machine::{Machine, user_data};
pub use oci_registry::OciRegistry;
pub use python::Python;
pub use rules::{Fault, Rule, Scenario};
pub use runner::{Kaphost, Run};
pub use running::Running;
pub use schemas::{Held, Schemas, junit_schema, sarif_schema};
pub use set::{Entry, Set};
pub use stage::{APPLY, DESTROY, PLAN, Stage};
