//! Our small network arithmetic against a general library's.

use ipnet::IpNet;
use kaphost_guest::net::{Network, aggregate};
use proptest::prelude::*;

/// Networks of both families, dense enough that many overlap.
fn network() -> impl Strategy<Value = String> {
    let v4 = (any::<u32>(), 0_u8..=32).prop_map(|(bits, prefix)| format!("{}/{prefix}", std::net::Ipv4Addr::from(bits & 0x8180_8181)));
    let v6 = (any::<u128>(), 0_u8..=128).prop_map(|(bits, prefix)| format!("{}/{prefix}", std::net::Ipv6Addr::from(bits & 0x8181 << 112)));
    let mapped = (any::<u32>(), 90_u8..=128)
        .prop_map(|(bits, prefix)| format!("{}/{prefix}", std::net::Ipv4Addr::from(bits & 0x8180_8181).to_ipv6_mapped()));
    prop_oneof![v4, v6, mapped]
}

proptest! {
    #[test]
    fn reads_and_writes_alike(text in prop_oneof![network(), "[0-9a-f:./]{0,20}"]) {
        let ours = text.parse::<Network>().map(|net| net.to_string()).ok();
        let theirs = text.parse::<IpNet>().map(|net| net.trunc().to_string()).ok();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn contains_and_sorts_alike(a in network(), b in network()) {
        let ours: (Network, Network) = (a.parse().unwrap(), b.parse().unwrap());
        let theirs: (IpNet, IpNet) = (a.parse::<IpNet>().unwrap().trunc(), b.parse::<IpNet>().unwrap().trunc());
        prop_assert_eq!(ours.0.contains(ours.1), theirs.0.contains(&theirs.1));
        prop_assert_eq!(ours.0.cmp(&ours.1), theirs.0.cmp(&theirs.1));
        prop_assert_eq!(ours.0.intersection(ours.1).is_some(), theirs.0.contains(&theirs.1) || theirs.1.contains(&theirs.0));
    }

    #[test]
    fn aggregates_alike(texts in prop::collection::vec(network(), 0..12)) {
        let ours: Vec<Network> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let theirs: Vec<IpNet> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let ours: Vec<String> = aggregate(&ours).iter().map(ToString::to_string).collect();
        let theirs: Vec<String> = IpNet::aggregate(&theirs).iter().map(ToString::to_string).collect();
        prop_assert_eq!(ours, theirs);
    }
}
