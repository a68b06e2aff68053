//! How wide a range of addresses may be, and whether it is one of those that are allowed.

use crate::net::{Family, Network, NetworkError, aggregate};
use crate::{Settings, Violation, path, setting, sorted};

/// What a range has to keep to.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Sorted, without those that lie within another. Empty allows any.
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
    /// What is wrong, in one sentence. `lead` goes before the range: "SSH is open to".
    #[must_use]
    pub fn message(&self, lead: &str, cidr: &str) -> String {
        match self {
            Self::World => format!("{lead} the whole world: {cidr}"),
            Self::TooWide { family: Family::Ipv4, min_prefix } => format!("{lead} {cidr}, which is wider than /{min_prefix}"),
            Self::TooWide { family: Family::Ipv6, min_prefix } => format!("{lead} {cidr}, which is wider than /{min_prefix} in IPv6"),
            Self::NotAllowed => format!("{lead} {cidr}, which is not within the allowed networks"),
            Self::Unreadable(why) => format!("{cidr} cannot be checked: {why}"),
        }
    }
}

/// What a rule really lets in: IPv6 that stands for IPv4 is judged as IPv4.
fn meaning(network: Network) -> Network {
    network.embedded_ipv4().unwrap_or(network)
}

/// The networks that a setting lists.
///
/// # Errors
/// A violation of [`crate::SETTINGS`] for every text that is no network.
pub fn networks(setting: &setting::Texts, settings: &Settings) -> Result<Vec<Network>, Vec<Violation>> {
    let (mut networks, mut wrong) = (Vec::new(), Vec::new());
    for text in setting.get(settings) {
        match text.parse() {
            Ok(network) => networks.push(network),
            Err(why) => wrong.push(no_network(setting, text, why)),
        }
    }
    if wrong.is_empty() { Ok(networks) } else { Err(wrong) }
}

/// The violation of a text in a setting that is no network.
pub fn no_network(setting: &setting::Texts, text: &str, why: NetworkError) -> Violation {
    let problem = format!("no network: {why}");
    Violation::of_setting(setting.name(), text, &problem, r#"networks such as "10.0.0.0/8" or "2001:db8::/32""#)
}

impl Limits {
    /// The networks that a range has to lie within, where there are any, and the shortest prefixes that it may have, in bits.
    #[must_use]
    pub fn new(allowed: Vec<Network>, min_prefix_ipv4: i64, min_prefix_ipv6: i64) -> Self {
        let mut networks = sorted(allowed.into_iter().map(meaning));
        // Sorted, a wider network comes before all that lie within it.
        networks.dedup_by(|later, earlier| earlier.contains(*later));
        let merged = aggregate(&networks);
        Self { allowed: networks, merged, min_prefix_ipv4, min_prefix_ipv6 }
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

    /// The allowed networks, sorted. Empty allows any.
    #[must_use]
    pub fn allowed(&self) -> &[Network] {
        &self.allowed
    }

    /// The allowed networks as text, for a sentence: `10.0.0.0/8, 2001:db8::/32`.
    #[must_use]
    pub fn names(&self) -> String {
        path::list(self.allowed.iter().map(ToString::to_string))
    }

    /// The part of a range that the allowed networks hold, in their own bounds.
    #[must_use]
    pub fn within_allowed(&self, network: Network) -> Vec<Network> {
        let network = meaning(network);
        self.allowed.iter().filter_map(|allowed| allowed.intersection(network)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(allowed: &[&str], min_prefix_ipv4: i64, min_prefix_ipv6: i64) -> Limits {
        Limits::new(allowed.iter().map(|text| text.parse().unwrap()).collect(), min_prefix_ipv4, min_prefix_ipv6)
    }

    #[test]
    fn the_worst_breach_is_told() {
        let limits = limits(&["10.0.0.0/7", "10.0.0.0/9", "2001:db8::/32"], 8, 32);
        for (range, breach) in [
            ("0.0.0.0/0", Some(Breach::World)),
            ("::/0", Some(Breach::World)),
            ("::ffff:0.0.0.0/96", Some(Breach::World)),
            ("10.0.0.0/7", Some(Breach::TooWide { family: Family::Ipv4, min_prefix: 8 })),
            ("2001:d00::/24", Some(Breach::TooWide { family: Family::Ipv6, min_prefix: 32 })),
            ("12.0.0.0/8", Some(Breach::NotAllowed)),
            ("11.0.0.0/8", None),
            ("2001:db8:1::/48", None),
            ("everywhere", Some(Breach::Unreadable(NetworkError::NoPrefix))),
        ] {
            assert_eq!(limits.check(range), breach, "{range}");
        }
        assert_eq!(limits.names(), "10.0.0.0/7, 2001:db8::/32", "what lies within another is not told");
    }

    #[test]
    fn a_breach_is_said_of_whatever_is_open() {
        let said = |limits: &Limits, range: &str| limits.check(range).unwrap().message("the door is open to", range);
        let limits = limits(&["10.0.0.0/8"], 8, 32);
        assert_eq!(said(&limits, "::/0"), "the door is open to the whole world: ::/0");
        assert_eq!(said(&limits, "10.0.0.0/7"), "the door is open to 10.0.0.0/7, which is wider than /8");
        assert_eq!(said(&limits, "2000::/3"), "the door is open to 2000::/3, which is wider than /32 in IPv6");
        assert_eq!(said(&limits, "11.0.0.0/8"), "the door is open to 11.0.0.0/8, which is not within the allowed networks");
        assert_eq!(said(&limits, "x"), "x cannot be checked: it has no prefix length");
    }

    #[test]
    fn every_text_that_is_no_network_is_told() {
        const NETS: setting::Texts = setting::Texts::new("nets", &[], "Which.");
        let read = |values: [&str; 3]| networks(&NETS, &Settings::new().with("nets", values));
        assert_eq!(read(["10.0.0.0/8", "::/0", "1.2.3.4/32"]).unwrap().len(), 3);
        let wrong = read(["10.0.0.0/8", "office", "::/129"]).unwrap_err();
        assert_eq!(wrong.len(), 2);
        assert_eq!(wrong[0].message, r#"the setting `nets` holds "office", which is no network: it has no prefix length"#);
        assert_eq!(
            wrong[0].help.as_deref(),
            Some(r#"write networks such as "10.0.0.0/8" or "2001:db8::/32" in `nets`; until then no cluster passes"#)
        );
        assert_eq!((wrong[0].rule.as_str(), wrong[0].path.as_str()), ("settings", r#"settings["nets"]"#));
    }
}
