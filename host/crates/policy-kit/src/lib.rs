//! What authors of policies need besides the host: cases in KDL, what they cover, configs made up at the edges, two modules compared, one measured.
//!
//! Beside the pipeline: takes a loaded [`kaphost_policy::Module`] and parsed configs, and asks the module about them as `kaphost check` does when it is
//! given by itself. [`Suite`] reads cases, [`play`] answers one, [`Suite::updated`] writes what came of it back, [`Coverage`] says what the cases leave
//! out, [`explore`] looks at configs that nobody wrote, [`compare()`] tells two modules apart, [`measure()`] times one.
//!
//! Reads no file and prints nothing: whoever calls hands in texts. Made-up configs are the same on every run: there is no chance in them but that of a
//! fixed seed.
//!
//! ```
//! use kaphost_policy_kit::Suite;
//! use kaphost_spec::ConfigSource;
//!
//! let text = r#"
//!     config file="cluster.kdl"
//!     case "a public address is refused" {
//!         replace "public-ip=#false" "public-ip=#true"
//!         expect { violation "no-public-ip" path="network.public-ip" line=4 }
//!     }
//! "#;
//! let suite = Suite::parse(ConfigSource::new("cases/public.kdl", text))?;
//! assert_eq!(suite.cases()[0].name, "a public address is refused");
//! # Ok::<(), kaphost_spec::Report>(())
//! ```

mod cases;
mod compare;
mod coverage;
mod measure;
mod probe;

pub use cases::{Case, DiffLine, Expected, From, Played, Sign, Suite, play};
pub use compare::{Before, Difference, LeafDifference, compare};
pub use coverage::{Coverage, FieldCoverage, RuleCoverage, SettingCoverage};
pub use measure::{Measured, Percentiles, measure};
pub use probe::{Exploration, Failing, Subject, explore, field_of};
