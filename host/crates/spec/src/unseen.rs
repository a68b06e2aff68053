//! Characters that are not seen but act: on a terminal that a snippet is printed to, or on how others beside them are read. KDL keeps most of them out of a config, but a text that is no
//! KDL is shown all the same.

/// Control characters, and those without a shape that change how others are read: the format characters of Unicode (category Cf) that matter for spoofing,
/// separators of lines and paragraphs, the byte-order mark, variation selectors, tags.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{17b4}'
                | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// A text as a snippet of it may be drawn: as many bytes, in the same lines, with a question mark for each byte of what is not seen.
pub(crate) fn drawn(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\n' | '\t' => out.push(letter),
            // At the end of a line it does what it is there for; elsewhere it goes back to the line's beginning, over what stands there.
            '\r' if letters.peek() == Some(&'\n') => out.push(letter),
            letter if is_unseen(letter) => out.push_str(&"?".repeat(letter.len_utf8())),
            letter => out.push(letter),
        }
    }
    out
}

/// A name of a file as it is written over a snippet: in one line, with the codes of what is not seen.
pub(crate) fn named(name: &str) -> String {
    let letter = |c: char| if is_unseen(c) { c.escape_unicode().to_string() } else { c.to_string() };
    name.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_drawn_as_something_that_does_not() {
        let text = "a\u{1b}[31m\tb\r\nc\rd\u{202e}é\u{9b}2J\u{feff}";
        assert_eq!(drawn(text), "a?[31m\tb\r\nc?d???é??2J???");
        assert_eq!(drawn(text).len(), text.len());
        assert_eq!(named("a\u{1b}]0;x\u{7}\n\u{202e}é.kdl"), "a\\u{1b}]0;x\\u{7}\\u{a}\\u{202e}é.kdl");
    }
}
