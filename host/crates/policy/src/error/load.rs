//! Files that are no policy.

use thiserror::Error;

use super::list;

/// Why a file is no policy that may be run.
#[derive(Debug, Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It is over the size limit.
    #[error("it is {size} bytes long, and the limit is {limit}")]
    TooLarge {
        /// Bytes.
        size: u64,
        /// Bytes.
        limit: u64,
    },
    /// It is another file than the one that was agreed on. Nothing of it was looked at.
    #[error("its SHA-256 is {found}, where {expected} is expected")]
    Digest {
        /// Lower-case hexadecimal SHA-256.
        expected: String,
        /// Lower-case hexadecimal SHA-256.
        found: String,
    },
    /// It does not start as WebAssembly does.
    #[error("it is not WebAssembly: {0}")]
    NotWasm(&'static str),
    /// It is WebAssembly, but a module.
    #[error("it is a core WebAssembly module, not a component")]
    NotAComponent,
    /// It starts as a component but is none that validates.
    #[error("it is a damaged or invalid component: {0}")]
    InvalidComponent(String),
    /// It would take the compiler too long, or too much memory. A sentence.
    #[error("it is too complex: {0}")]
    TooComplex(String),
    /// It wants more of the host than the contract offers.
    #[error("it imports what no policy may have: {}", list(.imports))]
    ForeignImport {
        /// All of them, in the component's order.
        imports: Vec<String>,
    },
    /// Its exports are those of no world of the contract.
    #[error("it is in no world of the contract `kaphost:policy`: {0}")]
    WrongWorld(String),
    /// It speaks another version of the contract.
    #[error("it speaks another version of the contract: {}, where this kaphost speaks 0.1", list(.found))]
    WrongContractVersion {
        /// The items, with the versions that they name.
        found: Vec<String>,
    },
    /// The names are right and the types are not.
    #[error("`{item}` does not have the type that the contract gives it: {why}")]
    WrongTypes {
        /// The import or export.
        item: String,
        /// The first difference.
        why: String,
    },
}

impl LoadError {
    /// Stable, kebab-case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::TooLarge { .. } => "too-large",
            Self::Digest { .. } => "digest-mismatch",
            Self::NotWasm(_) => "not-wasm",
            Self::NotAComponent => "not-a-component",
            Self::InvalidComponent(_) => "invalid-component",
            Self::TooComplex(_) => "too-complex",
            Self::ForeignImport { .. } => "foreign-import",
            Self::WrongWorld(_) => "wrong-world",
            Self::WrongContractVersion { .. } => "wrong-contract-version",
            Self::WrongTypes { .. } => "wrong-types",
        }
    }

    pub(super) fn help(&self) -> String {
        match self {
            Self::Unreadable(_) => "check the path and its permissions".into(),
            Self::TooLarge { .. } => "build the policy in release mode, stripped and optimised for size, or raise the limit".into(),
            Self::Digest { .. } => {
                "fetch the file again from whom you trust; if it was meant to change, have the owner of the policy set look at it and put the \
                 new digest there (`sha256sum FILE` prints it)"
                    .into()
            }
            Self::NotWasm(_) => "name a policy that was compiled to a WebAssembly component, a `.wasm` file; or a policy set, which is text in KDL".into(),
            Self::NotAComponent => {
                "make a component of it: `wasm-tools component new module.wasm -o policy.wasm`, with the contract's types \
                 embedded by wit-bindgen or `wasm-tools component embed`"
                    .into()
            }
            Self::InvalidComponent(_) => "fetch or build it again; if it was cut short or altered on the way, its digest differs".into(),
            Self::TooComplex(_) => {
                "no policy needs that much, and a compiler's output hardly looks like it: ask whoever made the module what is in it".into()
            }
            Self::ForeignImport { imports } if imports.iter().any(|import| import.starts_with("wasi:")) => {
                "a policy has no files, clock, randomness, network or environment: build it for a target without WASI \
                 (Rust: wasm32-unknown-unknown); it may import `kaphost:policy/logging` and `kaphost:policy/types` only"
                    .into()
            }
            Self::ForeignImport { .. } => "a policy may import `kaphost:policy/logging` and `kaphost:policy/types` only".into(),
            Self::WrongWorld(_) => {
                "export `metadata`, and `validating` to refuse, `mutating` to rewrite, or both: the worlds of wit/policy.wit".into()
            }
            Self::WrongContractVersion { .. } => {
                "build the policy against `kaphost:policy@0.1.0`, or use the kaphost that it was made for".into()
            }
            Self::WrongTypes { .. } => "build the policy against the unchanged wit/policy.wit of this version of the contract".into(),
        }
    }
}
