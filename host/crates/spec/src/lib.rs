//! What a Kapacitor server should be: the typed [`Cluster`], where each of its values comes from, and the paths that name them.
//!
//! First stage of the pipeline: text → [`Spec`]. Reads no file and no environment itself: whoever calls hands in the text and a
//! [`Lookup`] for `(env)` and `(file)` values. Knows nothing of policies, of AWS's state or of the terminal.
//!
//! [`parse`] reports every mistake of a file at once, each with a stable [`Code`], its place and a remedy. [`validate`] holds what a
//! policy made of a cluster against the same rules.
//!
//! ```
//! use kaphost_spec::{ConfigSource, NoLookup, Tenancy, parse};
//!
//! let text = r#"
//!     cluster "kapacitor-stage" region="us-east-1" {
//!         ami "ami-0abcd1234abcd1234"
//!         instance-type "t3.small"
//!         tenancy "dedicated"
//!         network vpc="vpc-0a1b2c3d" {
//!             subnets "subnet-0aaa1111"
//!         }
//!     }
//! "#;
//! let file = parse(ConfigSource::new("cluster.kdl", text), &NoLookup)?;
//! let spec = &file.specs[0];
//! assert_eq!(spec.cluster.tenancy, Tenancy::Dedicated);
//! assert_eq!(spec.cluster.ssh.port, 22);
//! assert_eq!(&text[spec.origins.nearest(&"tenancy".parse()?)], "\"dedicated\"");
//!
//! let report = parse(ConfigSource::new("cluster.kdl", text.replace("tenancy", "tenacy")), &NoLookup).unwrap_err();
//! assert_eq!(report.diagnostics()[0].help(), Some("did you mean `tenancy`?"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod admitted;
mod check;
mod cidr;
mod code;
mod covered;
mod decode;
mod diagnostic;
pub mod facts;
mod leaves;
mod lookup;
mod model;
pub mod names;
mod nearest;
mod origin;
mod path;
mod pattern;
mod reference;
mod secret;
mod unseen;

pub use admitted::AdmittedSpec;
pub use check::{Problem, canonical_json, role_name, validate};
pub use cidr::Cidr;
pub use code::Code;
pub use covered::covered;
pub use decode::{File, parse, reading};
pub use diagnostic::{Diagnostic, Related, Report, Severity};
pub use leaves::{Leaf, Leaves};
pub use lookup::{Lookup, NoLookup};
pub use model::*;
pub use nearest::nearest;
pub use origin::{Beneath, Origin, Origins, Position, Source as ConfigSource, Span, Spec};
pub use path::{Path, PathError, Segment};
pub use pattern::{Pattern, PatternError};
pub use reference::Reference;
pub use secret::UserData;
pub use unseen::is_unseen;

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|half| char::from(if half < 10 { b'0' + half } else { b'a' + half - 10 }));
    bytes.iter().flat_map(digits).collect()
}
