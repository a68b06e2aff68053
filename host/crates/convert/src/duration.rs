//! Lengths of time as Go writes them, which is how Terraform takes them.

use crate::kdl::quoted;

/// Nanoseconds of each unit that Go knows, longer names first.
const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
const SECOND: u128 = 1_000_000_000;

/// The value in KDL: as it is written where kaphost reads it so, else in seconds, rounded up. `None` for what Go does not read.
pub(crate) fn kdl(text: &str) -> Option<String> {
    let seconds = nanoseconds(text)?.div_ceil(SECOND);
    Some(if is_plain(text) { quoted(text) } else { seconds.to_string() })
}

/// Whole hours, minutes and seconds, each once and in this order, as kaphost reads them.
fn is_plain(text: &str) -> bool {
    let mut rest = text;
    for unit in ['h', 'm', 's'] {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if (1..=9).contains(&digits)
            && let Some(after) = rest[digits..].strip_prefix(unit)
        {
            rest = after;
        }
    }
    rest.is_empty() && !text.is_empty()
}

fn nanoseconds(text: &str) -> Option<u128> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_u128;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (unit, scale) = UNITS.iter().find(|(unit, _)| {
            // `m` is not the `m` of `ms`.
            after.strip_prefix(unit).is_some_and(|next| next.chars().next().is_none_or(|c| c.is_ascii_digit() || c == '.'))
        })?;
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let digits = &fraction[..fraction.len().min(15)];
        let part: u128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
        let power = u32::try_from(digits.len()).ok()?;
        total = total.checked_add(whole.checked_mul(*scale)?)?.checked_add(part * scale / 10_u128.pow(power))?;
        rest = &after[unit.len()..];
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_reads_is_read() {
        for (text, expected) in [
            ("10m", "\"10m\""),
            ("1h30m", "\"1h30m\""),
            ("90s", "\"90s\""),
            ("0", "0"),
            ("0s", "\"0s\""),
            ("1.5h", "5400"),
            ("500ms", "1"),
            ("30m1h", "5400"),
            ("1h1h", "7200"),
            (".5m", "30"),
            ("1m30.5s", "91"),
            ("+10m", "600"),
            ("3us", "1"),
        ] {
            assert_eq!(kdl(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["", "10", "m", "-1m", "10 m", "1.2.3s", ".s", "5d", "1h30", "99999999999999999999999999999999999999999h"] {
            assert_eq!(kdl(text), None, "{text}");
        }
    }
}
