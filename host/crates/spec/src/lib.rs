//! What a Kapacitor server should be: the typed [`Cluster`], where each of its values comes from, and the paths that name them.
//!
//! First stage of the pipeline: text → [`Spec`]. Reads no file and no environment itself: whoever calls hands in the text and a way to
//! look up `(env)` and `(file)` values. Knows nothing of policies, of AWS's state or of the terminal.

mod admitted;
mod check;
mod cidr;
mod code;
mod decode;
mod diagnostic;
mod leaves;
mod lookup;
mod model;
pub mod names;
mod origin;
mod path;
mod secret;

pub use admitted::AdmittedSpec;
pub use check::{Problem, canonical_json, role_name, validate};
pub use cidr::Cidr;
pub use code::Code;
pub use decode::{File, parse};
pub use diagnostic::{Diagnostic, Related, Report, Severity};
pub use leaves::{Leaf, Leaves};
pub use lookup::{Lookup, NoLookup};
pub use model::*;
pub use origin::{Origin, Origins, Position, Source as ConfigSource, Span, Spec};
pub use path::{Path, PathError, Segment};
pub use secret::UserData;

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
