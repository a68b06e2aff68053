//! Words of others, so that they can be read and do nothing else.

/// Longest text that is shown whole, in characters.
const MOST: usize = 4_000;

/// A text without what is not to be seen: control characters, and those that turn the direction of what is beside them. They stand as their code.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        if at == MOST {
            out.push('…');
            break;
        }
        match c {
            '\n' => out.push('\n'),
            '\t' => out.push_str("    "),
            c if c.is_control() || is_invisible(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Marks of direction, joiners and other characters without a shape (Unicode's Default_Ignorable_Code_Point, as far as texts hold any).
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

/// An address that may be a link: of the web, and with nothing invisible in it.
pub(crate) fn link(url: &str) -> Option<&str> {
    let web = url.starts_with("https://") || url.starts_with("http://");
    let plain = url.chars().all(|c| !c.is_control() && !c.is_whitespace() && !is_invisible(c));
    (web && plain).then_some(url)
}

/// `120 ms`, `4.2 s`, `2 min 05 s`
pub(crate) fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => format!("{} min {:02} s", ms / 60_000, ms / 1000 % 60),
    }
}

/// `1 value`, `3 values`
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_invisible_is_left() {
        assert_eq!(shown("a\u{202e}b\u{1b}[31m\u{200b}\tc\nd"), "a\\u{202e}b\\u{1b}[31m\\u{200b}    c\nd");
        assert!(shown(&"x".repeat(5_000)).ends_with("x…"));
    }

    #[test]
    fn only_addresses_of_the_web_are_links() {
        assert!(link("https://example.com/rule?a=b&c").is_some());
        for other in ["javascript:alert(1)", "data:text/html,x", "//example.com", "file:///etc/passwd", "https://a b", "https://a\u{202e}b"]
        {
            assert_eq!(link(other), None, "{other}");
        }
    }
}
