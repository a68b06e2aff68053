//! Any text as one word of a shell, and as one string of TOML.

use std::fmt::Write as _;

/// One word of a POSIX shell: nothing within single quotes means anything but itself. A shell cannot hold U+0000, which no config takes;
/// it is left out.
pub(crate) fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\'', r"'\''"))
}

/// A basic string of TOML 1.0, on one line whatever it holds.
pub(crate) fn toml(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            _ if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// An array of basic strings, on one line.
pub(crate) fn toml_array(texts: &[String]) -> String {
    format!("[{}]", texts.iter().map(|text| toml(text)).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_the_shell_would_read_stays_text() {
        assert_eq!(shell(""), "''");
        assert_eq!(shell("a'b"), r"'a'\''b'");
        assert_eq!(shell("$(rm) `x` \"\n"), "'$(rm) `x` \"\n'");
    }

    #[test]
    fn what_toml_would_read_stays_text() {
        assert_eq!(toml("a\"b\\c\nd"), r#""a\"b\\c\u000Ad""#);
        assert_eq!(toml_array(&["a".to_owned(), "b".to_owned()]), r#"["a", "b"]"#);
    }

    proptest! {
        #[test]
        fn toml_reads_back_what_was_quoted(texts in proptest::collection::vec(any::<String>(), 1..4)) {
            let document = format!("one = {}\nall = {}\n", toml(&texts[0]), toml_array(&texts));
            let table = toml::de::DeTable::parse(&document).unwrap().into_inner();
            prop_assert_eq!(table["one"].get_ref().as_str(), Some(texts[0].as_str()));
            let all = table["all"].get_ref().as_array().unwrap();
            let all: Vec<&str> = all.iter().map(|one| one.get_ref().as_str().unwrap()).collect();
            prop_assert_eq!(all, texts);
        }
    }
}
