//! Ports on which anything may be reached.

use kaphost_guest::{Settings, Violation, path, setting};

/// From and to, inclusive.
pub(crate) type Ports = (u16, u16);

/// The ports that a setting lists.
///
/// # Errors
/// A violation for every text that is neither a port nor a range of them.
pub(crate) fn open(setting: &setting::Texts, settings: &Settings) -> Result<Vec<Ports>, Vec<Violation>> {
    let (mut ports, mut wrong) = (Vec::new(), Vec::new());
    for text in setting.get(settings) {
        match read(text) {
            Some(range) => ports.push(range),
            None => wrong.push(Violation::of_setting(
                setting.name(),
                text,
                "neither a port nor a range of ports",
                "ports such as 443, or ranges such as 8000-8999,",
            )),
        }
    }
    if wrong.is_empty() { Ok(ports) } else { Err(wrong) }
}

fn read(text: &str) -> Option<Ports> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    (from <= to).then_some((from, to))
}

/// Whether every port of a range is open. A range that spans two neighbours is.
pub(crate) fn within((from, to): Ports, open: &[Ports]) -> bool {
    let mut next = u32::from(from);
    // Each round gets past one range at least, or ends.
    while next <= u32::from(to) {
        match open.iter().find(|(first, last)| u32::from(*first) <= next && next <= u32::from(*last)) {
            Some((_, last)) => next = u32::from(*last) + 1,
            None => return false,
        }
    }
    true
}

/// For a sentence.
pub(crate) fn list(ports: &[Ports]) -> String {
    path::list(ports.iter().map(|(from, to)| if from == to { from.to_string() } else { format!("{from}-{to}") }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ports_and_ranges() {
        assert_eq!((read("443"), read("8000-8999"), read("1 - 65535")), (Some((443, 443)), Some((8000, 8999)), Some((1, 65535))));
        for text in ["", "https", "443-", "-443", "9-8", "65536", "1-2-3", "443/tcp"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_range_is_open_when_each_of_its_ports_is() {
        let open = [(8001, 9000), (443, 443), (7000, 8000), (65535, 65535)];
        for (ports, is) in [
            ((443, 443), true),
            ((443, 444), false),
            ((7500, 8500), true),
            ((7000, 9000), true),
            ((7000, 9001), false),
            ((6999, 7000), false),
            ((65535, 65535), true),
            ((0, 65535), false),
        ] {
            assert_eq!(within(ports, &open), is, "{ports:?}");
        }
        assert!(!within((1, 1), &[]) && within((0, 65535), &[(0, 65535)]));
        assert_eq!(list(&open[..2]), "8001-9000, 443");
    }
}
