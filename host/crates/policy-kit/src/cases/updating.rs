//! What came of cases, written back into their file: nothing else of it changes, comments beside `expect` included.

use kaphost_spec::Span;

use super::{Case, Expected, Suite};

impl Suite {
    /// The file's text with these in place of what must come of each case, in the order of [`Suite::cases`]. `None` leaves a case as it is.
    #[must_use]
    pub fn updated(&self, actual: &[Option<&[Expected]>]) -> String {
        let mut text = self.source.text.clone();
        // From the end on, so that the places before stay where they are.
        for (case, actual) in self.cases.iter().zip(actual).rev() {
            if let Some(actual) = actual {
                case.update(&mut text, actual);
            }
        }
        text
    }
}

impl Case {
    fn update(&self, text: &mut String, actual: &[Expected]) {
        if let Some(span) = &self.places.expect {
            let indent = indent(text, span.start);
            match actual {
                [] => remove_line(text, span),
                _ => text.replace_range(span.clone(), block(actual, &indent).trim_start()),
            }
            return;
        }
        if actual.is_empty() {
            return;
        }
        let outer = indent(text, self.places.node.start);
        let inner = format!("{outer}    ");
        let node = text.get(self.places.node.clone()).unwrap_or_default().trim_end_matches([' ', '\t', '\n', '\r', ';']);
        let end = self.places.node.start + node.len();
        if node.ends_with('}') {
            let before = text.get(..end - 1).unwrap_or_default().trim_end().len();
            text.replace_range(before..end, &format!("\n{}\n{outer}}}", block(actual, &inner)));
        } else {
            text.insert_str(end, &format!(" {{\n{}\n{outer}}}", block(actual, &inner)));
        }
    }
}

fn block(actual: &[Expected], indent: &str) -> String {
    let lines: String = actual.iter().map(|one| format!("{indent}    {one}\n")).collect();
    format!("{indent}expect {{\n{lines}{indent}}}")
}

/// The white space that the line of a place starts with.
fn indent(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rfind('\n').map_or(before, |newline| &before[newline + 1..]);
    line.chars().take_while(|c| matches!(c, ' ' | '\t')).collect()
}

/// Takes a node away, with its line where nothing else stands on it.
fn remove_line(text: &mut String, span: &Span) {
    let before = text.get(..span.start).unwrap_or_default();
    let start = before.trim_end_matches([' ', '\t']).len();
    let after = text.get(span.end..).unwrap_or_default();
    let rest = after.len() - after.trim_start_matches([' ', '\t', ';']).len();
    let alone = (start == 0 || before[..start].ends_with('\n')) && after[rest..].starts_with('\n');
    if alone { text.replace_range(start..span.end + rest + 1, "") } else { text.replace_range(span.clone(), "") }
}

#[cfg(test)]
mod tests {
    use kaphost_spec::ConfigSource;

    use super::*;

    fn updated(text: &str, actual: &[Option<&[Expected]>]) -> String {
        let new = Suite::parse(ConfigSource::new("cases.kdl", text)).unwrap().updated(actual);
        // What is written can be read, and says just that.
        let read = Suite::parse(ConfigSource::new("cases.kdl", new.as_str())).unwrap();
        for (case, actual) in read.cases().iter().zip(actual) {
            if let Some(actual) = actual {
                assert_eq!(case.expected.as_slice(), *actual, "{new}");
            }
        }
        new
    }

    #[test]
    fn only_expectations_change() {
        let text = "// kept\nconfig file=\"a.kdl\"\n\ncase \"one\" {\n    // kept too\n    replace \"a\" \"b\"\n    expect {\n        violation \"old\"\n    }\n}\n\ncase \"two\"\n\ncase \"three\" { replace \"a\" \"b\"; }\ncase \"four\" {\n    expect { violation \"old\"; }\n}\n";
        let violation = Expected::Violation { rule: "r".into(), path: Some(r#"tag["Owner"]"#.parse().unwrap()), line: Some(7) };
        let change = Expected::Change {
            path: "scaling.termination-policies".parse().unwrap(),
            rule: Some("r".into()),
            from: Some("\u{0}\"a\" \"b\"".into()),
            to: Some("\"c\"".into()),
        };
        let both = [change, violation.clone()];
        let one = [violation];
        let new = updated(text, &[Some(&both), Some(&one), Some(&one), Some(&[])]);
        assert_eq!(
            new,
            r##"// kept
config file="a.kdl"

case "one" {
    // kept too
    replace "a" "b"
    expect {
        change "scaling.termination-policies" rule="r" { from "a" "b"; to "c" }
        violation "r" path=#"tag["Owner"]"# line=7
    }
}

case "two" {
    expect {
        violation "r" path=#"tag["Owner"]"# line=7
    }
}

case "three" { replace "a" "b";
    expect {
        violation "r" path=#"tag["Owner"]"# line=7
    }
}
case "four" {
}
"##
        );
        assert_eq!(updated(text, &[None, None, None, None]), text);
    }
}
