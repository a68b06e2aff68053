//! A config as it may be shown: what stands in it as user data is covered, character by character, and nothing moves.
//!
//! A snippet shows lines around a mistake, and the mistake may be that the text is no KDL at all. So this reads no KDL: it looks for what begins like a node of user data, however it is
//! misspelt or commented out, and covers what follows up to where such a node ends. Where that cannot be told, it covers more.

use crate::nearest::nearest;

/// The nodes whose values are covered: user data, and what goes into it.
const NODES: [&str; 3] = ["user-data", "extra-config", "influxdb"];
/// Values with these annotations are names of what the text is taken from.
const NAMES: [&str; 3] = ["file", "env", "ssm"];

/// The text, with user data covered. As many bytes, and as many lines.
#[must_use]
pub fn covered(text: &str) -> String {
    let mut reader = Reader { text, at: 0, out: String::with_capacity(text.len()), has_covered: false };
    let mut begins = true;
    while let Some(c) = reader.peek() {
        match c {
            '\n' | '{' | '}' | ';' => begins = true,
            // Also what is commented out: `// user-data "…"`, `/-user-data "…"`.
            '/' | '*' | '-' if begins => {}
            '(' if begins => reader.annotation_of_node(),
            c if c.is_whitespace() => {}
            _ if begins => {
                begins = false;
                if reader.keep_name().is_some_and(|name| nearest(name, NODES).is_some()) {
                    reader.cover_node();
                    begins = true;
                }
                continue;
            }
            _ => {}
        }
        reader.keep();
    }
    reader.out
}

/// No secret: switches of other nodes that are called alike.
const KEYWORDS: [&str; 3] = ["#true", "#false", "#null"];

struct Reader<'a> {
    text: &'a str,
    at: usize,
    out: String,
    /// Whether anything of the node was covered.
    has_covered: bool,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn keep(&mut self) {
        if let Some(c) = self.peek() {
            self.out.push(c);
            self.at += c.len_utf8();
        }
    }

    fn keep_bytes(&mut self, bytes: usize) {
        let end = self.at + bytes;
        while self.at < end && self.peek().is_some() {
            self.keep();
        }
    }

    /// As many bytes as there were.
    fn cover(&mut self) {
        let Some(c) = self.peek() else { return };
        self.has_covered = true;
        if c.is_whitespace() {
            self.out.push(c);
        } else {
            self.out.push_str(&"*".repeat(c.len_utf8()));
        }
        self.at += c.len_utf8();
    }

    /// Up to this character, on the same line.
    fn keep_until(&mut self, end: char) {
        while self.peek().is_some_and(|c| c != end && c != '\n') {
            self.keep();
        }
    }

    /// An annotation in front of a node's name: shown, unless the node is one whose values are covered.
    fn annotation_of_node(&mut self) {
        let line = self.rest().lines().next().unwrap_or_default();
        let Some((annotation, after)) = line.split_once(')') else { return self.keep_until(')') };
        let name = after.trim_start().trim_start_matches(['#', '"']);
        let name = &name[..name.find(|c: char| c.is_whitespace() || "\"(){};=\\/".contains(c)).unwrap_or(name.len())];
        if nearest(name, NODES).is_none() {
            return self.keep_until(')');
        }
        self.keep();
        let end = self.at + annotation.len() - 1;
        while self.at < end {
            self.cover();
        }
    }

    /// The name that begins here, bare or in quotes, which is shown.
    fn keep_name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let inner = rest.trim_start_matches('#');
        let hashes = rest.len() - inner.len();
        if let Some(quoted) = inner.strip_prefix('"') {
            let length = quoted.find(['"', '\n'])?;
            let name = &quoted[..length];
            if nearest(name, NODES).is_some() {
                self.keep_bytes(hashes + 1 + length + 1 + hashes);
                return Some(name);
            }
            self.keep_bytes(hashes + 1);
            return None;
        }
        let length = rest.find(|c: char| c.is_whitespace() || "\"(){};=\\/".contains(c)).unwrap_or(rest.len());
        if length == 0 {
            self.keep();
            return None;
        }
        self.keep_bytes(length);
        rest.get(..length)
    }

    /// What follows a name, up to the end of its node.
    fn cover_node(&mut self) {
        self.has_covered = false;
        let mut depth = 0usize;
        let mut is_name = false;
        while let Some(c) = self.peek() {
            match c {
                '\n' | ';' | '}' if depth == 0 => return,
                '{' => {
                    depth += 1;
                    self.keep();
                }
                '}' => {
                    depth -= 1;
                    self.keep();
                }
                '\\' if depth == 0 && self.goes_on() => {
                    self.keep_until('\n');
                    self.keep();
                }
                // A comment, or an address in a script that was never put into quotes.
                '/' if self.rest().starts_with("//") => {
                    // Beside nothing that was covered, it is a comment like any other.
                    let shown = depth == 0 && !self.has_covered;
                    while self.peek().is_some_and(|c| c != '\n') {
                        if shown { self.keep() } else { self.cover() }
                    }
                }
                '(' => is_name = self.annotation(),
                '#' if let Some(word) = KEYWORDS.into_iter().find(|word| self.rest().starts_with(word)) => self.keep_bytes(word.len()),
                '"' | '#' if self.quotes().is_some() => self.string(std::mem::take(&mut is_name)),
                c if c.is_whitespace() || c == ';' => self.keep(),
                _ if is_name => {
                    is_name = false;
                    while self.peek().is_some_and(|c| !c.is_whitespace() && !"{};".contains(c)) {
                        self.keep();
                    }
                }
                _ => self.cover(),
            }
        }
    }

    /// Whether the line ends here and the node does not.
    fn goes_on(&self) -> bool {
        let after = self.rest().trim_start_matches('\\').trim_start_matches([' ', '\t', '\r']);
        after.starts_with('\n') || after.starts_with("//")
    }

    /// An annotation; whether the value after it is a name.
    fn annotation(&mut self) -> bool {
        let rest = self.rest();
        let line = rest.lines().next().unwrap_or_default();
        let Some(end) = line.find(')') else {
            self.cover();
            return false;
        };
        if NAMES.contains(&line[1..end].trim()) {
            self.keep_bytes(end + 1);
            return true;
        }
        self.keep();
        while self.peek() != Some(')') {
            self.cover();
        }
        self.keep();
        false
    }

    /// How a string begins here, if one does, and what ends it.
    fn quotes(&self) -> Option<(usize, String)> {
        let rest = self.rest();
        let inner = rest.trim_start_matches('#');
        let hashes = "#".repeat(rest.len() - inner.len());
        let quotes = if inner.starts_with("\"\"\"") { "\"\"\"" } else { "\"" };
        inner.starts_with('"').then(|| (hashes.len() + quotes.len(), format!("{quotes}{hashes}")))
    }

    /// A string. One without an end goes on to the end of the text.
    fn string(&mut self, is_name: bool) {
        let Some((open, close)) = self.quotes() else { return };
        self.keep_bytes(open);
        let raw = close.ends_with('#');
        while let Some(c) = self.peek() {
            if self.rest().starts_with(&close) {
                self.keep_bytes(close.len());
                return;
            }
            let show = |reader: &mut Self| if is_name { reader.keep() } else { reader.cover() };
            show(self);
            if c == '\\' && !raw {
                show(self);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AROUND: &str = "cluster \"demo\" {\n    instance-type \"t3.small\"\n    NODE\n    tag \"Owner\" \"metrics\"\n}\n";

    /// With the node in a config, the secret is gone and everything around it stays, to the column.
    fn check(node: &str) {
        let text = AROUND.replace("NODE", node);
        let shown = covered(&text);
        assert!(!shown.contains("hunter2") && !shown.contains("PASSWORD"), "{shown}");
        assert_eq!((shown.len(), shown.lines().count()), (text.len(), text.lines().count()), "{shown}");
        assert!(shown.starts_with("cluster \"demo\" {\n    instance-type \"t3.small\"\n"), "{shown}");
        assert!(shown.ends_with("\n    tag \"Owner\" \"metrics\"\n}\n"), "{shown}");
    }

    #[test]
    fn user_data_is_covered_however_it_is_written() {
        for node in [
            r#"user-data "hunter2""#,
            r#"user-data "a \" hunter2 \\" // \" hunter2"#,
            "user-data r=\"hunter2\"; tag \"a\" \"b\"",
            r##"user-data #"PASSWORD "hunter2" "#"##,
            "user-data \"\"\"\n    #!/bin/sh\n    PASSWORD=hunter2 \"quoted\"; {\n    \"\"\"",
            "user-data ##\"\"\"\n    PASSWORD=\"hunter2\"\"#\n    \"\"\"##",
            "user-data \\\n        \"hunter2\"",
            "user-data \\ // more\n        \"hunter2\"",
            "user-data hunter2",
            "user-data (base64)\"hunter2\"",
            "user-data (hunter2)\"x\"",
            "user-data (text)\"a\" \"hunter2\" PASSWORD=\"hunter2\"",
            "user-data {\n        #!/bin/sh\n        export PASSWORD=hunter2 # http://hunter2\n        if true; then { echo hunter2; } fi\n    }",
            "userdata \"hunter2\"",
            "user_data \"hunter2\"",
            "User-Dat \"hunter2\"",
            "\"user-data\" \"hunter2\"",
            "#\"user-data\"# \"hunter2\"",
            "(text)user-data \"hunter2\"",
            "(hunter2)user-data \"x\"",
            "( hunter2 ) \"user-data\" \"x\"",
            "// user-data \"hunter2\"",
            "/* user-data \"hunter2\" */",
            "/-user-data \"hunter2\"",
            "/- user-data \"hunter2\"",
            "user-data \"pässwörter hunter2 字\"",
            "tag \"a\" \"b\"; user-data \"hunter2\"; tag \"c\" \"d\"",
        ] {
            check(node);
        }
    }

    #[test]
    fn names_of_what_it_is_taken_from_stay() {
        for node in [
            "user-data (file)\"boot.sh\"",
            "user-data (env) \"BOOT\"",
            "user-data (file)boot.sh // \"run\" first",
            "kapacitor { storage \"/dev/xvdh\" }",
        ] {
            let text = AROUND.replace("NODE", node);
            assert_eq!(covered(&text), text);
        }
        for text in ["", "user-data", "user-data\n", "\"", "user-data (", "user-data \\", "/", "\u{feff}cluster"] {
            assert_eq!(covered(text).len(), text.len(), "{text}");
        }
    }

    /// Where a string has no end, nobody knows where the user data ends.
    #[test]
    fn what_has_no_end_is_covered_to_the_end() {
        for node in ["user-data \"hunter2", "user-data \"\"\"\n  PASSWORD=hunter2", "user-data {\n  PASSWORD=hunter2"] {
            let text = AROUND.replace("NODE", node);
            let shown = covered(&text);
            assert!(!shown.contains("hunter2") && shown.len() == text.len(), "{shown}");
        }
        // And where one before it has none, it is found all the same.
        let text = "cluster \"demo {\n    user-data \"hunter2\"\n}\n";
        assert_eq!(covered(text), "cluster \"demo {\n    user-data \"*******\"\n}\n");
        let text = "extra-config \"\"\"\n    x\n    user-data \"hunter2\"\n";
        assert!(!covered(text).contains("hunter2"));
    }
}
