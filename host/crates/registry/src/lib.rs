//! Policy modules in OCI registries: pushed, pulled and found again by digest.
//!
//! Stands in front of the policies' stage of the pipeline: a [`Reference`] becomes a file that is exactly what the reference's digest says, in a
//! [`Store`] of the user's that is asked first, so that what was pulled once needs no network again. What a module is, this room does not know: bytes go
//! in and come out. Whose signature counts is not decided here either; signatures are carried as text.
//!
//! A module lies in a registry as the CNCF's layout for WebAssembly says: a manifest of one layer `application/wasm`, with a config
//! `application/vnd.wasm.config.v0+json`. A signature is a manifest of its own whose `subject` is the module's (OCI 1.1), found by the referrers' API, or
//! by the tag that stands in for it where a registry has none.
//!
//! A registry is not trusted: whatever it sends is bounded ([`Limits`]) and held to a digest before it has a name in the store. It is asked by `https`,
//! by plain `http` only on this machine. Credentials go to the registry itself, and to a token service of its own domain that it names; nowhere else.
//!
//! Reads no environment but that of proxies and of root certificates, as their own variables have it, and prints nothing.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use kaphost_registry::{Options, Reference, Registries, Store};
//!
//! let store = Store::new("/home/me/.cache/kaphost/registry".into());
//! let registries = Registries::new(Options::default());
//! let reference: Reference = "oci://ghcr.io/acme/org:1.2".parse()?;
//! let pulled = registries.pull(&store, &reference).await?;
//! println!("{} is {}", pulled.reference, pulled.path.display());
//! # Ok(())
//! # }
//! ```

mod artifact;
mod auth;
mod credentials;
mod error;
mod limits;
mod pull;
mod push;
mod remote;
mod signatures;
mod store;
mod transport;

use std::path::PathBuf;

pub use artifact::Artifact;
pub use error::RegistryError;
pub use kaphost_spec::Reference;
pub use limits::Limits;
pub use pull::{Found, Pulled};
pub use push::Pushed;
pub use store::Store;

use crate::transport::Transport;

/// How registries are asked.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The file in which Docker keeps credentials; `None` asks as nobody.
    pub docker_config: Option<PathBuf>,
    /// How long and how much.
    pub limits: Limits,
}

/// Asks registries. One is enough for a process: it keeps connections.
#[derive(Debug)]
pub struct Registries {
    options: Options,
    transport: Transport,
}

impl Registries {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let transport = Transport::new(options.limits);
        Self { options, transport }
    }
}
