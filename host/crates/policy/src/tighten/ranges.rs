//! Whether networks lie within others, taken together: set inclusion of addresses, in both families.

use std::collections::BTreeSet;

use kaphost_spec::Cidr;

/// Addresses as numbers, first and last; families apart, since an IPv4 rule of AWS never lets IPv6 in.
type Range = (bool, u128, u128);

fn range(cidr: &Cidr) -> Range {
    match cidr.net() {
        ipnet::IpNet::V4(net) => (false, u32::from(net.network()).into(), u32::from(net.broadcast()).into()),
        ipnet::IpNet::V6(net) => (true, net.network().into(), net.broadcast().into()),
    }
}

/// The addresses of several networks: disjoint ranges with gaps between them, sorted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reach(Vec<Range>);

impl Reach {
    /// What the networks hold together.
    pub(super) fn of<'a>(cidrs: impl IntoIterator<Item = &'a Cidr>) -> Self {
        let mut ranges: Vec<Range> = cidrs.into_iter().map(range).collect();
        ranges.sort_unstable();
        let mut united: Vec<Range> = Vec::with_capacity(ranges.len());
        for (v6, first, last) in ranges {
            match united.last_mut() {
                // Neighbours are one range: two halves hold what the whole holds.
                Some((family, _, end)) if *family == v6 && first <= end.saturating_add(1) => *end = (*end).max(last),
                _ => united.push((v6, first, last)),
            }
        }
        Self(united)
    }

    /// Whether all of a network is in there.
    pub(super) fn holds(&self, cidr: &Cidr) -> bool {
        let (v6, first, last) = range(cidr);
        self.0.iter().any(|(family, from, to)| *family == v6 && *from <= first && last <= *to)
    }
}

/// TCP ports, first and last, or everything.
type Ports = Option<(u16, u16)>;

/// Behind the last TCP port: everything that is not TCP.
const OTHER_PROTOCOLS: u32 = 65_536;

fn span(ports: Ports) -> (u32, u32) {
    ports.map_or((0, OTHER_PROTOCOLS), |(from, to)| (from.into(), to.into()))
}

/// Whether all of a network may be reached on all of these ports by the rules taken together.
pub(super) fn reaches(rules: &[(&Cidr, Ports)], cidr: &Cidr, ports: Ports) -> bool {
    let (from, to) = span(ports);
    // Between two of these ports no rule starts or ends: one port speaks for all up to the next.
    let mut starts: BTreeSet<u32> = BTreeSet::from([from]);
    for (first, last) in rules.iter().map(|(_, ports)| span(*ports)) {
        starts.extend([first, last + 1].into_iter().filter(|start| (from..=to).contains(start)));
    }
    starts.into_iter().all(|port| {
        let open = |ports| {
            let (first, last) = span(ports);
            (first..=last).contains(&port)
        };
        Reach::of(rules.iter().filter(|(_, ports)| open(*ports)).map(|(cidr, _)| *cidr)).holds(cidr)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    fn cidrs(texts: &[&str]) -> Vec<Cidr> {
        texts.iter().map(|text| cidr(text)).collect()
    }

    #[test]
    fn halves_make_a_whole_and_families_are_apart() {
        let halves = Reach::of(&cidrs(&["10.0.0.0/9", "10.128.0.0/9", "::/1", "8000::/1"]));
        for held in ["10.0.0.0/8", "10.1.2.3/32", "::/0", "::ffff:0:0/96"] {
            assert!(halves.holds(&cidr(held)), "{held}");
        }
        for not in ["0.0.0.0/0", "11.0.0.0/32", "10.0.0.0/7"] {
            assert!(!halves.holds(&cidr(not)), "{not}");
        }
        assert!(!Reach::of(&cidrs(&["0.0.0.0/0"])).holds(&cidr("::/0")));
        assert!(!Reach::of(&cidrs(&["255.0.0.0/8"])).holds(&cidr("::/8")));
        assert!(!Reach::of(&[]).holds(&cidr("10.0.0.0/32")));
    }

    #[test]
    fn egress_counts_ports_and_protocols() {
        let (all, ten) = (cidr("0.0.0.0/0"), cidr("10.0.0.0/8"));
        let everything: &[(&Cidr, Ports)] = &[(&all, None)];
        assert!(reaches(everything, &ten, Some((443, 443))) && reaches(everything, &ten, None));
        let tcp: &[(&Cidr, Ports)] = &[(&all, Some((0, 65_535)))];
        assert!(reaches(tcp, &ten, Some((0, 65_535))));
        assert!(!reaches(tcp, &ten, None), "TCP on every port is not every protocol");
        let pieces: &[(&Cidr, Ports)] = &[(&all, Some((1, 99))), (&ten, Some((100, 200)))];
        assert!(reaches(pieces, &ten, Some((50, 150))));
        assert!(!reaches(pieces, &all, Some((50, 150))));
        assert!(!reaches(pieces, &ten, Some((50, 201))));
        assert!(!reaches(&[], &ten, Some((1, 1))));
    }

    /// Networks within the last 16 addresses of a family, so that every address can be counted.
    fn small() -> impl Strategy<Value = Cidr> {
        (any::<bool>(), 0..16_u32, 0..=4_u32).prop_map(|(v6, host, bits)| {
            let host = host >> bits << bits;
            cidr(&if v6 {
                format!("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff{host:x}/{}", 128 - bits)
            } else {
                format!("255.255.255.{}/{}", 240 + host, 32 - bits)
            })
        })
    }

    fn addresses(cidr: &Cidr) -> BTreeSet<(bool, u128)> {
        let (v6, first, last) = range(cidr);
        assert!(last - first < 16);
        (first..=last).map(|address| (v6, address)).collect()
    }

    fn small_ports() -> impl Strategy<Value = Ports> {
        prop_oneof![Just(None), (65_530..=65_535_u16, 0..4_u16).prop_map(|(from, more)| Some((from, from.saturating_add(more))))]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

        /// Against the addresses themselves, counted one by one.
        #[test]
        fn inclusion_is_inclusion_of_addresses(before in proptest::collection::vec(small(), 0..6), after in small()) {
            let there: BTreeSet<_> = before.iter().flat_map(addresses).collect();
            prop_assert_eq!(Reach::of(&before).holds(&after), addresses(&after).is_subset(&there));
            let reach = Reach::of(&before);
            prop_assert!(reach.0.windows(2).all(|pair| pair[0].0 != pair[1].0 || pair[0].2 + 1 < pair[1].1), "{reach:?}");
        }

        /// Against each address with each port, and all other protocols as one more.
        #[test]
        fn egress_is_inclusion_of_addresses_and_ports(
            before in proptest::collection::vec((small(), small_ports()), 0..5),
            after in small(),
            ports in small_ports(),
        ) {
            let points = |cidr: &Cidr, ports: Ports| -> BTreeSet<(bool, u128, u32)> {
                let (from, to) = span(ports);
                let near = (from.max(65_520)..=to).chain((from < 65_520).then_some(from));
                let near: Vec<u32> = near.collect();
                addresses(cidr).into_iter().flat_map(|(v6, address)| near.iter().map(move |port| (v6, address, *port))).collect()
            };
            let there: BTreeSet<_> = before.iter().flat_map(|(cidr, ports)| points(cidr, *ports)).collect();
            let rules: Vec<_> = before.iter().map(|(cidr, ports)| (cidr, *ports)).collect();
            prop_assert_eq!(reaches(&rules, &after, ports), points(&after, ports).is_subset(&there));
        }
    }
}
