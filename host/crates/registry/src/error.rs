//! What can go wrong between here and a registry.

use std::path::PathBuf;

/// Characters that are shown of what a registry says.
const SAID_CHARS: usize = 300;

/// Why a module is not here, or not there.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No connection.
    #[error("the registry `{registry}` cannot be reached: {why}")]
    Unreachable {
        /// Host and port.
        registry: String,
        /// What the system says.
        why: String,
    },
    /// It takes too long.
    #[error("the registry `{registry}` is too slow: {what} took more than {seconds} s")]
    Slow {
        /// Host and port.
        registry: String,
        /// What took so long, with its article.
        what: &'static str,
        /// As long as it may take.
        seconds: u64,
    },
    /// The connection ended early, or what came is no HTTP.
    #[error("the answer of the registry `{registry}` broke off: {why}")]
    Broken {
        /// Host and port.
        registry: String,
        /// What was found.
        why: String,
    },
    /// Nobody there by that name.
    #[error("there is no `{what}`{said}")]
    NotFound {
        /// The reference.
        what: String,
        /// What the registry says, with a colon in front; may be empty.
        said: String,
    },
    /// The registry wants to know who asks, or does not let them.
    #[error("the registry `{registry}` does not let {who} {deed} `{repository}`{said}")]
    Forbidden {
        /// Host and port.
        registry: String,
        /// "anybody", or whose credentials were given.
        who: String,
        /// "read" or "write".
        deed: &'static str,
        /// The repository.
        repository: String,
        /// What the registry says, with a colon in front; may be empty.
        said: String,
    },
    /// Any other status.
    #[error("the registry `{registry}` answers {status} to {what}{said}")]
    Refused {
        /// Host and port.
        registry: String,
        /// The HTTP status.
        status: u16,
        /// The request, as a noun.
        what: &'static str,
        /// What the registry says, with a colon in front; may be empty.
        said: String,
    },
    /// An answer that the specification does not have.
    #[error("the registry `{registry}` gives an answer that makes no sense: {what}")]
    Nonsense {
        /// Host and port.
        registry: String,
        /// What is wrong with it.
        what: String,
    },
    /// It sends elsewhere, where nobody goes.
    #[error("the registry `{registry}` sends to `{to}`, {why}")]
    Astray {
        /// Host and port.
        registry: String,
        /// Scheme and host of where to.
        to: String,
        /// Why not, as a clause.
        why: &'static str,
    },
    /// More than may be.
    #[error("{what} is larger than {limit} bytes{}", size.map_or_else(String::new, |size| format!(": {size} bytes")))]
    TooLarge {
        /// What, with its article.
        what: String,
        /// As it says itself; `None` when it just did not end.
        size: Option<u64>,
        /// Bytes.
        limit: u64,
    },
    /// Not as long as was said.
    #[error("{what} is {found} bytes long, and its manifest says {expected}")]
    Length {
        /// What, with its article.
        what: String,
        /// Bytes, as announced or counted.
        found: u64,
        /// Bytes.
        expected: u64,
    },
    /// Something else than what was asked for.
    #[error("{what} has the SHA-256 {found}, and {expected} was agreed on")]
    Digest {
        /// What, with its article.
        what: String,
        /// Of what came, in hexadecimal.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// Something else than a module.
    #[error("`{reference}` is no policy module: {why}")]
    NoModule {
        /// The reference.
        reference: String,
        /// What it is instead.
        why: String,
    },
    /// Docker's configuration is of no use.
    #[error("no credentials for the registry `{registry}` can be had: {why}")]
    Credentials {
        /// Host and port.
        registry: String,
        /// Why. Never holds any of them.
        why: String,
    },
    /// The store cannot be read or written.
    #[error("`{}` {why}", path.display())]
    Store {
        /// The file or folder.
        path: PathBuf,
        /// Why, as a clause.
        why: String,
    },
}

impl RegistryError {
    /// Stable, kebab-case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "registry-unreachable",
            Self::Slow { .. } => "registry-slow",
            Self::Broken { .. } | Self::Refused { .. } => "registry-error",
            Self::NotFound { .. } => "registry-not-found",
            Self::Forbidden { .. } => "registry-forbidden",
            Self::Nonsense { .. } => "registry-nonsense",
            Self::Astray { .. } => "registry-astray",
            Self::TooLarge { .. } => "module-too-large",
            Self::Length { .. } => "module-length",
            Self::Digest { .. } => "module-digest",
            Self::NoModule { .. } => "no-module",
            Self::Credentials { .. } => "registry-credentials",
            Self::Store { .. } => "registry-store",
        }
    }

    /// What to do.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => {
                "check the name, the network, and HTTPS_PROXY where there is a proxy; what was pulled once with its digest needs no registry"
            }
            Self::Slow { .. } | Self::Broken { .. } => "try again; if it stays so, ask whoever runs the registry",
            Self::NotFound { .. } => {
                "check name and tag; some registries say this too when one may not look: `docker login` gives credentials"
            }
            Self::Forbidden { .. } => "`docker login HOST` gives kaphost credentials too, by Docker's own configuration",
            Self::Refused { .. } | Self::Nonsense { .. } => {
                "ask whoever runs the registry; kaphost asks it by OCI's distribution specification"
            }
            Self::Astray { .. } => "kaphost follows a registry to https addresses only, and takes credentials to none of them",
            Self::TooLarge { .. } => "check that the reference names a policy; `twiggy` or `wasm-tools strip` make a module smaller",
            Self::Length { .. } | Self::Digest { .. } => {
                "nothing was kept; ask whoever publishes the module, and whoever runs the registry: one of them changed it"
            }
            Self::NoModule { .. } => "push a policy with `kaphost policy push`, or any tool that follows the CNCF's layout for WebAssembly",
            Self::Credentials { .. } => "`docker login HOST` writes them anew; DOCKER_CONFIG names another folder of Docker's",
            Self::Store { .. } => "make the folder writable, or name another with KAPHOST_CACHE_DIR",
        }
    }

    /// Whether something came that is not what was asked for: then it is the module that is at fault, not the way to it.
    #[must_use]
    pub const fn is_untrusted(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::Length { .. } | Self::Digest { .. } | Self::NoModule { .. })
    }
}

/// What a registry says, made fit to be shown: no control character, and not much of it.
pub(crate) fn shown(text: &str) -> String {
    // Letters that turn the direction of a line around can make it say something else.
    let is_plain = |letter: char| {
        !letter.is_control() && !matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut shown: String = words.join(" ").chars().map(|letter| if is_plain(letter) { letter } else { '?' }).take(SAID_CHARS).collect();
    if words.iter().map(|word| word.chars().count() + 1).sum::<usize>() > SAID_CHARS + 1 {
        shown.push('…');
    }
    shown
}
