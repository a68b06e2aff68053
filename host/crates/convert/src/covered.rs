//! A Terraform file as it may be shown: what may be a script, or is called a secret, is covered, character by character, and nothing moves.
//!
//! A finding is shown with the lines around it, and the user data of a module stands among its arguments: as a text, as a heredoc of many lines, or as a local or a variable somewhere else. So
//! no name is followed: every heredoc is covered, every text that reads like a script, and all texts that are given to something whose name says user data or secret. A file may be no HCL at
//! all, and is shown then, too: this reads tokens, and where it cannot be told where a text ends, it covers more.

use kaphost_spec::nearest;

/// What user data is called.
const USER_DATA: [&str; 2] = ["user-data", "user-data-base64"];
/// What is in the name of whatever is secret.
const SECRETS: [&str; 6] = ["password", "passwd", "secret", "token", "private_key", "api_key"];
/// Functions whose first argument names a file.
const FILES: [&str; 3] = ["file", "filebase64", "templatefile"];
/// Words of an expression that say nothing.
const WORDS: [&str; 7] = ["true", "false", "null", "for", "in", "if", "else"];
/// A text that is longer is a script, or a key. In bytes.
const LONG: usize = 200;

/// As many bytes, and as many lines.
pub(crate) fn covered(text: &str) -> String {
    let mut reader =
        Reader { text, at: 0, out: String::with_capacity(text.len()), secret: None, open: Vec::new(), labelled: false, names_file: false };
    while let Some(c) = reader.peek() {
        reader.token(c);
    }
    reader.out
}

/// Whether a name says that what it is given is not to be shown.
fn is_secret(name: &str) -> bool {
    let lower = name.to_lowercase();
    nearest(name, USER_DATA).is_some() || SECRETS.iter().any(|secret| lower.contains(secret))
}

fn is_script(text: &str) -> bool {
    text.contains("#!") || text.contains("\\n") || text.len() > LONG
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    out: String,
    /// How many brackets were open where something secret began, which goes on until its line ends there.
    secret: Option<usize>,
    /// For each open bracket, whether all within is secret.
    open: Vec<bool>,
    /// Whether a block on this line has a secret's name.
    labelled: bool,
    /// Whether the next text names a file.
    names_file: bool,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// So many bytes, as they are or covered.
    fn take(&mut self, bytes: usize, shown: bool) {
        let rest = self.rest();
        let taken = rest.get(..bytes).unwrap_or(rest);
        for c in taken.chars() {
            if shown || c.is_whitespace() {
                self.out.push(c);
            } else {
                self.out.push_str(&"*".repeat(c.len_utf8()));
            }
        }
        self.at += taken.len();
    }

    fn is_secret(&self) -> bool {
        self.secret.is_some() || self.open.last().copied().unwrap_or_default()
    }

    fn line(&self) -> &'a str {
        self.rest().split('\n').next().unwrap_or_default()
    }

    fn token(&mut self, c: char) {
        let rest = self.rest();
        match c {
            '\n' => {
                self.take(1, true);
                if self.secret.is_some_and(|depth| self.open.len() <= depth) {
                    self.secret = None;
                }
                self.labelled = false;
            }
            '#' => self.comment(self.line().len()),
            '/' if rest.starts_with("//") => self.comment(self.line().len()),
            '/' if rest.starts_with("/*") => self.comment(rest.find("*/").map_or(rest.len(), |end| end + 2)),
            '"' => self.string(),
            '<' if rest.starts_with("<<") && self.heredoc() => {}
            '(' | '[' | '{' => {
                self.open.push(self.is_secret() || self.labelled);
                self.take(1, true);
            }
            ')' | ']' | '}' => {
                self.open.pop();
                self.take(1, true);
            }
            c if c.is_alphanumeric() || c == '_' => self.word(),
            c => {
                let shown = !self.is_secret() || c.is_whitespace() || ".,=:?+*/<>!&|%$-".contains(c);
                self.take(c.len_utf8(), shown);
            }
        }
    }

    /// What is commented out is read no further than by its names.
    fn comment(&mut self, bytes: usize) {
        let comment = self.rest().get(..bytes).unwrap_or_default();
        let names = comment.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'));
        let shown = !self.is_secret() && !is_script(comment) && !names.into_iter().any(is_secret);
        let mark = comment.len() - comment.trim_start_matches(['#', '/', '*', ' ']).len();
        self.take(mark, true);
        self.take(bytes - mark, shown);
    }

    /// A name, a number, or a word of a script that was never put into quotes.
    fn word(&mut self) {
        let rest = self.rest();
        let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let is_part = self.out.ends_with('.') || after.starts_with(['.', '(', '[']);
        // The name of an argument within a block that is secret as a whole.
        let is_argument = self.out.rsplit('\n').next().is_some_and(|line| line.trim().is_empty()) && is_given(after);
        self.names_file = FILES.contains(&word) && after.starts_with('(');
        let begins = !self.is_secret() && is_secret(word) && is_given(after);
        let shown = !self.is_secret() || is_part || is_argument || WORDS.contains(&word);
        self.take(length, shown);
        if begins {
            self.secret = Some(self.open.len());
        }
    }

    /// A text in quotes, which ends on its line unless an expression in it does not.
    fn string(&mut self) {
        let rest = self.rest();
        let (mut length, mut depth, mut escaped, mut closed) = (1, 0_usize, false, false);
        let mut before = '"';
        for c in rest.chars().skip(1) {
            if c == '\n' && depth == 0 {
                break;
            }
            length += c.len_utf8();
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '{' if matches!(before, '$' | '%') || depth > 0 => depth += 1,
                '}' if depth > 0 => depth -= 1,
                '"' if depth == 0 => {
                    closed = true;
                    break;
                }
                _ => {}
            }
            before = c;
        }
        let whole = rest.get(..length).unwrap_or(rest);
        let inside = whole.trim_matches('"');
        let after = rest.get(length..).unwrap_or_default();
        let names_file = std::mem::take(&mut self.names_file);
        let shown = names_file || !(self.is_secret() || !closed || is_script(inside));
        self.take(1, true);
        self.take(length - 1 - usize::from(closed), shown);
        self.take(usize::from(closed), true);
        if !self.is_secret() && is_secret(inside) {
            if is_given(after) {
                self.secret = Some(self.open.len());
            } else {
                self.labelled = true;
            }
        }
    }

    /// A heredoc, whatever it is given to; whether one begins here.
    fn heredoc(&mut self) -> bool {
        let line = self.line();
        let mark = line.trim_start_matches('<').trim_start_matches('-').trim();
        if mark.is_empty() || !mark.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
            return false;
        }
        self.take(line.len(), true);
        while !self.rest().is_empty() {
            self.take(1, true);
            let line = self.line();
            if line.trim() == mark {
                self.take(line.len(), true);
                break;
            }
            self.take(line.len(), false);
        }
        true
    }
}

/// Whether what stands before this is given a value by it.
fn is_given(after: &str) -> bool {
    let after = after.trim_start_matches([' ', '\t']);
    (after.starts_with('=') && !after.starts_with("==")) || (after.starts_with(':') && !after.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AROUND: &str = "module \"a\" {\n  source = \"x/kapacitor-server\" # ours\n  BODY\n  ami_id = \"ami-1\"\n}\n";

    #[test]
    fn what_may_be_secret_is_covered_however_it_is_written() {
        for body in [
            "user_data = \"hunter2\"",
            "user_data = \"${var.x} hunter2 ${join(\"hunter2\", [])}\"",
            "user_data = <<EOF\n#!/bin/sh\nexport PASSWORD=hunter2\n  EOF",
            "user_data = <<-EOF\n    export PASSWORD=hunter2 # }\n    EOF",
            "user_data = templatefile(\"boot.sh\", {\n    key = \"hunter2\"\n    other = <<X\nhunter2\nX\n  })",
            "userdata = \"hunter2\"",
            "user_data_base64 = base64encode(\"hunter2\")",
            "user_data = export PASSWORD=hunter2",
            "user_data = \"hunter2",
            "\"user_data\" = \"hunter2\"",
            "settings = { password = \"hunter2\", \"api_key\" : \"hunter2\" }",
            "db_password = \"hunter2\"",
            "boot = \"#!/bin/sh hunter2\"",
            "boot = \"export PASSWORD=hunter2\\nrun\"",
            "boot = <<X\nhunter2\nX",
            "# user_data = \"hunter2\"",
            "// password = hunter2",
            "/* user_data = <<X\nhunter2\nX */",
            "user_data = \"päss hunter2 字\"",
        ] {
            let text = AROUND.replace("BODY", body);
            let shown = covered(&text);
            assert!(!shown.contains("hunter2") && !shown.contains("PASSWORD"), "{shown}");
            assert_eq!((shown.len(), shown.lines().count()), (text.len(), text.lines().count()), "{shown}");
            assert!(shown.starts_with("module \"a\" {\n  source = \"x/kapacitor-server\" # ours\n"), "{shown}");
            assert!(shown.ends_with("\n  ami_id = \"ami-1\"\n}\n"), "{shown}");
        }
        for text in [
            "variable \"user_data\" {\n  type = string\n  default = \"hunter2\"\n}\n",
            "data \"template_file\" \"user_data\" {\n  vars = {\n    a = \"hunter2\"\n  }\n}\n",
            "user_data = <<EOF\nhunter2\n",
        ] {
            assert!(!covered(text).contains("hunter2"), "{}", covered(text));
        }
    }

    #[test]
    fn names_and_everything_else_stay() {
        for body in [
            "user_data = file(\"boot.sh\")",
            "user_data = data.template_file.user_data.rendered",
            "user_data = templatefile(\"${path.module}/boot.sh\", {})",
            "tags = [{ key = \"Team\", value = \"metrics\", propagate_at_launch = true }]",
            "cluster_name = \"${var.name}-stage\"",
            "count = var.a == \"x\" ? 1 : 0 # one",
        ] {
            let text = AROUND.replace("BODY", body);
            assert_eq!(covered(&text), text);
        }
        for text in ["", "\"", "<<", "<<X", "user_data", "user_data =", "}", "/*", "\u{feff}a"] {
            assert_eq!(covered(text).len(), text.len(), "{text}");
        }
    }
}
