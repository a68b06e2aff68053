//! Where text from a guest enters the host. Nothing that a guest said is kept without passing through here, so that no one downstream can print
//! a terminal escape, a forged line or a megabyte by mistake.

use std::fmt::Write as _;

/// The text with everything invisible made visible, cut after `max_chars` characters of the original.
///
/// Control characters (line ends and tabs too), bidirectional overrides and other invisible format characters come out as `\u{…}`, so the
/// result is one line that shows what is in it.
pub fn visible(text: &str, max_chars: usize) -> String {
    let mut shown = String::with_capacity(text.len().min(max_chars.saturating_mul(4)));
    for (i, c) in text.chars().enumerate() {
        if i == max_chars {
            shown.push('…');
            break;
        }
        match c {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            c if kaphost_spec::is_unseen(c) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// Whether the text is kebab-case: words of a-z and 0-9, starting with a letter, joined by single hyphens.
pub(crate) fn is_kebab(text: &str, max_bytes: usize) -> bool {
    text.len() <= max_bytes
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_escapes_instead_of_obeying_them() {
        assert_eq!(visible("a\u{1b}[31mb\nc", 100), "a\\u{1b}[31mb\\nc");
        assert_eq!(visible("a\u{202e}b\u{200b}", 100), "a\\u{202e}b\\u{200b}");
        assert_eq!(visible("\u{9b}2J\u{7f}", 100), "\\u{9b}2J\\u{7f}");
    }

    #[test]
    fn keeps_what_can_be_seen() {
        assert_eq!(visible("Zürich – 東京 “10.0.0.0/8”", 100), "Zürich – 東京 “10.0.0.0/8”");
    }

    #[test]
    fn cuts_what_is_long() {
        let shown = visible(&"x".repeat(1 << 20), 10);
        assert_eq!(shown, "xxxxxxxxxx…");
        assert_eq!(visible("whole", usize::MAX), "whole");
    }

    #[test]
    fn knows_kebab_case() {
        for good in ["a", "ssh-open", "imds-v2"] {
            assert!(is_kebab(good, 64), "{good}");
        }
        for bad in ["", "-a", "a-", "a--b", "A", "2a", "a_b", "a b", "ä", &"a".repeat(65)] {
            assert!(!is_kebab(bad, 64), "{bad}");
        }
    }
}
