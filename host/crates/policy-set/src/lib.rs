//! Policy sets: the file in which a security team says which policies hold, how, and with what exceptions.
//!
//! Stands before the policies' stage of the pipeline: KDL text → [`PolicySet`], whose [`Entry`]s say which module to load, with which SHA-256 and
//! which limits, and, once it is loaded, make a [`kaphost_policy::Policy`] of it. Every mistake is reported at once, with its line and column: those of
//! the file by [`PolicySet::parse`], those that only the loaded module shows (its name, its settings, the rules that waivers name) by
//! [`PolicySet::bind`].
//!
//! A set takes nothing from elsewhere: no environment, no other file, no clock. It reads no module and runs none; whoever calls does. Whether a
//! waiver has run out is for [`kaphost_policy::admit()`] to say, which is told the time.
//!
//! ```
//! use kaphost_policy_set::PolicySet;
//! use kaphost_spec::ConfigSource;
//!
//! let text = r#"
//!     policy "restrict-ssh" path="restrict-ssh.wasm" enforcement="mandatory" {
//!         sha256 "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//!         settings min-prefix-ipv4=16
//!     }
//! "#;
//! let set = PolicySet::parse(ConfigSource::new("org.kdl", text))?;
//! assert_eq!(set.entries()[0].name(), "restrict-ssh");
//!
//! let report = PolicySet::parse(ConfigSource::new("org.kdl", text.replace("mandatory", "mandatry"))).unwrap_err();
//! assert_eq!(report.diagnostics()[0].help(), Some("did you mean `mandatory`?"));
//! # Ok::<(), kaphost_spec::Report>(())
//! ```

mod bind;
mod draft;
mod limits;
mod parse;
mod set;
mod waiver;
mod words;

pub use draft::{Draft, Drafted, Place};
pub use parse::settings;
pub use set::{Entry, PolicySet};
pub use waiver::{DEFAULT_HORIZON_DAYS, instant};
