//! Networks: reading them, one within another, what two have in common, and merging neighbours.
//!
//! Small by intent: a component carries all that it calls, and this is a fraction of what a general library brings.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use crate::sorted;

/// An IPv4 or IPv6 network whose host bits are zero. IPv4 sorts before IPv6, then by address, then wider before narrower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    family: Family,
    /// The address, in the low bits for IPv4.
    bits: u128,
    prefix: u8,
}

/// The version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// 32 bits.
    Ipv4,
    /// 128 bits.
    Ipv6,
}

impl Family {
    /// The length of an address, which is also the longest prefix.
    #[must_use]
    pub const fn bits(self) -> u8 {
        match self {
            Self::Ipv4 => 32,
            Self::Ipv6 => 128,
        }
    }
}

/// The first `prefix` of an address's bits.
const fn mask(family: Family, prefix: u8) -> u128 {
    let host_bits = (family.bits() - prefix) as u32;
    let all = match family {
        Family::Ipv4 => u32::MAX as u128,
        Family::Ipv6 => u128::MAX,
    };
    match u128::MAX.checked_shl(host_bits) {
        Some(ones) => ones & all,
        None => 0,
    }
}

impl Network {
    const fn new(family: Family, bits: u128, prefix: u8) -> Self {
        Self { family, bits: bits & mask(family, prefix), prefix }
    }

    /// The version of IP.
    #[must_use]
    pub const fn family(self) -> Family {
        self.family
    }

    /// The length of the prefix: 0 is the whole world.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    /// The IPv4 network that an IPv6 one stands for, when it does: IPv4-mapped addresses (`::ffff:0:0/96`, RFC 4291) and the
    /// well-known prefix of NAT64 (`64:ff9b::/96`, RFC 6052). Judge a rule by this, or `::ffff:0.0.0.0/96` looks narrow.
    #[must_use]
    pub const fn embedded_ipv4(self) -> Option<Self> {
        const MAPPED: u128 = 0xffff;
        const NAT64: u128 = 0x0064_ff9b << 64;
        let high = self.bits >> 32;
        if matches!(self.family, Family::Ipv6) && self.prefix >= 96 && (high == MAPPED || high == NAT64) {
            Some(Self::new(Family::Ipv4, self.bits & u32::MAX as u128, self.prefix - 96))
        } else {
            None
        }
    }

    /// Whether every address of `other` is in this network.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.family == other.family && self.prefix <= other.prefix && other.bits & mask(self.family, self.prefix) == self.bits
    }

    /// The addresses that are in both. Two networks are apart, or one holds the other.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        if self.contains(other) {
            Some(other)
        } else if other.contains(self) {
            Some(self)
        } else {
            None
        }
    }

    /// The network one bit wider.
    const fn parent(self) -> Option<Self> {
        match self.prefix.checked_sub(1) {
            Some(prefix) => Some(Self::new(self.family, self.bits, prefix)),
            None => None,
        }
    }
}

/// The fewest networks that hold the same addresses, sorted. A network lies within a set of networks exactly when it lies
/// within one of these.
#[must_use]
pub fn aggregate(networks: &[Network]) -> Vec<Network> {
    let mut merged: Vec<Network> = Vec::new();
    for network in sorted(networks.iter().copied()) {
        if merged.last().is_some_and(|last| last.contains(network)) {
            continue;
        }
        merged.push(network);
        // Two halves make a whole, which may be a half itself.
        while let [.., left, right] = merged[..] {
            match left.parent() {
                Some(whole) if right.parent() == Some(whole) => {
                    merged.truncate(merged.len() - 2);
                    merged.push(whole);
                }
                _ => break,
            }
        }
    }
    merged
}

/// Why a text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkError {
    /// There is no `/`.
    NoPrefix,
    /// What stands before the `/` is no IP address.
    Address,
    /// What stands after the `/` is no prefix length of the family.
    Prefix,
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPrefix => "it has no prefix length",
            Self::Address => "it does not start with an IP address",
            Self::Prefix => "its prefix length is not a number within the address",
        })
    }
}

impl std::error::Error for NetworkError {}

impl FromStr for Network {
    type Err = NetworkError;

    /// Takes host bits and sets them to zero, as AWS does.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = text.split_once('/').ok_or(NetworkError::NoPrefix)?;
        let (family, bits) = match address.parse().map_err(|_| NetworkError::Address)? {
            IpAddr::V4(v4) => (Family::Ipv4, u128::from(u32::from(v4))),
            IpAddr::V6(v6) => (Family::Ipv6, u128::from(v6)),
        };
        // `parse` alone would take `+8` and `008`.
        let digits = prefix.bytes().all(|b| b.is_ascii_digit()) && (prefix == "0" || !prefix.starts_with('0'));
        match prefix.parse::<u8>() {
            Ok(prefix) if digits && prefix <= family.bits() => Ok(Self::new(family, bits, prefix)),
            _ => Err(NetworkError::Prefix),
        }
    }
}

impl fmt::Display for Network {
    /// Canonical, as in the contract.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.family {
            Family::Ipv4 => write!(f, "{}", Ipv4Addr::from(u32::try_from(self.bits).unwrap_or(u32::MAX)))?,
            Family::Ipv6 => write!(f, "{}", Ipv6Addr::from(self.bits))?,
        }
        write!(f, "/{}", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn refuses_what_is_no_network() {
        for (text, why) in [
            ("10.0.0.0", NetworkError::NoPrefix),
            ("10.0.0.0/33", NetworkError::Prefix),
            ("::/129", NetworkError::Prefix),
            ("10.0.0.0/+8", NetworkError::Prefix),
            ("10.0.0.0/08", NetworkError::Prefix),
            ("10.0.0.0/", NetworkError::Prefix),
            ("10.0.0.0/8 ", NetworkError::Prefix),
            ("10.0.0.0/999", NetworkError::Prefix),
            ("10.0.0/8", NetworkError::Address),
            ("office/8", NetworkError::Address),
            ("/8", NetworkError::Address),
            ("", NetworkError::NoPrefix),
        ] {
            assert_eq!(text.parse::<Network>(), Err(why), "{text}");
        }
    }

    #[test]
    fn writes_the_canonical_form() {
        for (given, canonical) in
            [("100.68.0.18/18", "100.68.0.0/18"), ("2001:DB8:0:0::1/32", "2001:db8::/32"), ("0.0.0.0/0", "0.0.0.0/0"), ("::1/0", "::/0")]
        {
            assert_eq!(net(given).to_string(), canonical);
        }
    }

    #[test]
    fn sees_ipv4_inside_ipv6() {
        assert_eq!(net("::ffff:0.0.0.0/96").embedded_ipv4(), Some(net("0.0.0.0/0")));
        assert_eq!(net("::ffff:10.0.0.0/104").embedded_ipv4(), Some(net("10.0.0.0/8")));
        assert_eq!(net("64:ff9b::/96").embedded_ipv4(), Some(net("0.0.0.0/0")));
        for text in ["::/0", "::fffe:0:0/95", "2001:db8::/96", "10.0.0.0/8", "::/96"] {
            assert_eq!(net(text).embedded_ipv4(), None, "{text}");
        }
    }

    #[test]
    fn merges_neighbours() {
        let nets = |texts: &[&str]| texts.iter().map(|text| net(text)).collect::<Vec<_>>();
        for (given, merged) in [
            (&["10.128.0.0/9", "10.0.0.0/9"][..], &["10.0.0.0/8"][..]),
            (&["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/2"], &["0.0.0.0/0"]),
            (&["10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/8"], &["10.0.0.0/8"]),
            (&["10.128.0.0/9", "11.0.0.0/9"], &["10.128.0.0/9", "11.0.0.0/9"]),
            (&["::/1", "0.0.0.0/1", "8000::/1"], &["0.0.0.0/1", "::/0"]),
            (&[], &[]),
        ] {
            assert_eq!(aggregate(&nets(given)), nets(merged), "{given:?}");
        }
    }
}
