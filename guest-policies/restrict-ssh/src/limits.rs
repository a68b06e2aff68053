//! What a range has to keep to.

use kaphost_guest::net::{Family, Network, NetworkError, aggregate};
use kaphost_guest::sorted;

use crate::{NO_WORLD_SSH, NOT_ALLOWED, TOO_WIDE};

/// The settings, understood.
#[derive(Clone, Debug)]
pub struct Limits {
    /// As given, sorted, without those that lie within another. Empty allows any.
    allowed: Vec<Network>,
    /// The same addresses in the fewest networks: a range that spans two neighbours is allowed too.
    merged: Vec<Network>,
    min_prefix_ipv4: i64,
    min_prefix_ipv6: i64,
}

/// How a range oversteps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// It is everything.
    World,
    /// Its prefix is shorter than this.
    TooWide {
        /// The family in whose bits the prefix counts, and the shortest prefix allowed.
        family: Family,
        /// In bits.
        min_prefix: i64,
    },
    /// It is not within the allowed networks.
    NotAllowed,
    /// It is no network. The host never sends one.
    Unreadable(NetworkError),
}

impl Breach {
    /// The rule that it breaks.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::World => NO_WORLD_SSH,
            Self::TooWide { .. } => TOO_WIDE,
            Self::NotAllowed | Self::Unreadable(_) => NOT_ALLOWED,
        }
    }

    /// What is wrong, in one sentence.
    #[must_use]
    pub fn message(&self, cidr: &str) -> String {
        match self {
            Self::World => format!("SSH is open to the whole world: {cidr}"),
            Self::TooWide { family: Family::Ipv4, min_prefix } => format!("SSH is open to {cidr}, which is wider than /{min_prefix}"),
            Self::TooWide { family: Family::Ipv6, min_prefix } => {
                format!("SSH is open to {cidr}, which is wider than /{min_prefix} in IPv6")
            }
            Self::NotAllowed => format!("SSH is open to {cidr}, which is not within the allowed networks"),
            Self::Unreadable(why) => format!("{cidr} cannot be checked: {why}"),
        }
    }
}

/// What a rule really lets in: IPv6 that stands for IPv4 is judged as IPv4.
fn meaning(network: Network) -> Network {
    network.embedded_ipv4().unwrap_or(network)
}

impl Limits {
    /// Takes the settings.
    ///
    /// # Errors
    /// Every text that is no network, and why.
    pub fn new<'a>(allowed: &[&'a str], min_prefix_ipv4: i64, min_prefix_ipv6: i64) -> Result<Self, Vec<(&'a str, NetworkError)>> {
        let (mut networks, mut wrong) = (Vec::new(), Vec::new());
        for &text in allowed {
            match text.parse() {
                Ok(network) => networks.push(meaning(network)),
                Err(why) => wrong.push((text, why)),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut networks = sorted(networks);
        // Sorted, a wider network comes before all that lie within it.
        networks.dedup_by(|later, earlier| earlier.contains(*later));
        let merged = aggregate(&networks);
        Ok(Self { allowed: networks, merged, min_prefix_ipv4, min_prefix_ipv6 })
    }

    /// How a range oversteps the limits, if it does. The worst way only.
    #[must_use]
    pub fn check(&self, cidr: &str) -> Option<Breach> {
        let network = match cidr.parse() {
            Ok(network) => meaning(network),
            Err(why) => return Some(Breach::Unreadable(why)),
        };
        let family = network.family();
        let min_prefix = match family {
            Family::Ipv4 => self.min_prefix_ipv4,
            Family::Ipv6 => self.min_prefix_ipv6,
        };
        if network.prefix() == 0 {
            Some(Breach::World)
        } else if i64::from(network.prefix()) < min_prefix {
            Some(Breach::TooWide { family, min_prefix })
        } else if !self.allowed.is_empty() && !self.merged.iter().any(|allowed| allowed.contains(network)) {
            Some(Breach::NotAllowed)
        } else {
            None
        }
    }

    /// Whether any network is allowed by name, so that there is something to narrow to.
    #[must_use]
    pub const fn names_networks(&self) -> bool {
        !self.allowed.is_empty()
    }

    /// The part of a range that the allowed networks hold, in their own bounds.
    #[must_use]
    pub fn within_allowed(&self, network: Network) -> Vec<Network> {
        let network = meaning(network);
        self.allowed.iter().filter_map(|allowed| allowed.intersection(network)).collect()
    }

    /// What to do about a breach, in one sentence.
    #[must_use]
    pub fn help(&self, breach: &Breach) -> String {
        if !self.allowed.is_empty() {
            let names: Vec<String> = self.allowed.iter().map(ToString::to_string).collect();
            return format!("allow a network within {}, or a security group", names.join(", "));
        }
        match breach {
            Breach::TooWide { family: Family::Ipv6, min_prefix } => {
                format!("name the networks that need it, each /{min_prefix} or narrower, or a security group")
            }
            Breach::TooWide { min_prefix, .. } => {
                format!("name the networks that need it, each /{min_prefix} or narrower, or a security group")
            }
            Breach::World | Breach::NotAllowed | Breach::Unreadable(_) => {
                "name the networks that need it, such as your office's or VPN's, or the security group of a bastion".to_owned()
            }
        }
    }
}
