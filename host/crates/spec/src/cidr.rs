//! Networks in canonical form.

use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Serialize, Serializer};

use crate::names::Invalid;

/// An IPv4 or IPv6 network whose host bits are zero. AWS stores rules in this form, so only this form can be compared.
/// IPv4 sorts before IPv6.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr(IpNet);

impl Cidr {
    /// The network itself.
    #[must_use]
    pub const fn net(&self) -> IpNet {
        self.0
    }

    /// Whether it is IPv6.
    #[must_use]
    pub const fn is_ipv6(&self) -> bool {
        matches!(self.0, IpNet::V6(_))
    }
}

impl From<IpNet> for Cidr {
    /// Sets the host bits to zero.
    fn from(net: IpNet) -> Self {
        Self(net.trunc())
    }
}

impl FromStr for Cidr {
    type Err = Invalid;

    /// Takes host bits and any spelling of IPv6, and canonicalises both, as AWS does.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        const HELP: &str = "a network looks like `10.0.0.0/8` or `2001:db8::/32`";
        if text.parse::<std::net::IpAddr>().is_ok() {
            let all = if text.contains(':') { 128 } else { 32 };
            return Err(Invalid::new("has no prefix length", format!("for this one address write `{text}/{all}`")));
        }
        written(text).map(Self::from).ok_or_else(|| Invalid::new("is no network in CIDR form", HELP))
    }
}

/// A network with its host bits. Stricter than `ipnet`, which reads `010.0.0.0` as ten where others read eight.
pub(crate) fn written(text: &str) -> Option<IpNet> {
    let (address, prefix) = text.split_once('/')?;
    let digits =
        (1..=3).contains(&prefix.len()) && prefix.bytes().all(|b| b.is_ascii_digit()) && (prefix == "0" || !prefix.starts_with('0'));
    if !digits {
        return None;
    }
    IpNet::new(address.parse().ok()?, prefix.parse().ok()?).ok()
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonicalises_as_aws_does() {
        for (given, canonical) in
            [("100.68.0.18/18", "100.68.0.0/18"), ("2001:DB8:0:0::1/32", "2001:db8::/32"), ("0.0.0.0/0", "0.0.0.0/0"), ("::/0", "::/0")]
        {
            assert_eq!(given.parse::<Cidr>().unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn refuses_what_is_no_network() {
        for text in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "::/129", "010.0.0.0/8", "10.0.0.0/8 ", "10.0.0.0/08", "10.0.0.0/+8"] {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
    }
}
