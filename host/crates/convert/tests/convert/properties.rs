//! Laws for any text: literals arrive as they are, and nothing makes the converter or kaphost's parser stumble.

use kaphost_convert::{Request, convert};
use kaphost_spec::ConfigSource;
use proptest::prelude::*;

use crate::support::{converted, read};

/// Characters that mean something to HCL, to KDL, or to nobody.
fn letter() -> impl Strategy<Value = char> {
    let special: Vec<char> =
        "\"\\${}%#/*()=;'`~ \t\n\r-_aZ0éß漢🦀\u{0}\u{7}\u{b}\u{c}\u{1b}\u{7f}\u{85}\u{a0}\u{200e}\u{202e}\u{2028}\u{2066}\u{3000}\u{feff}"
            .chars()
            .collect();
    prop_oneof![4 => prop::sample::select(special), 1 => any::<char>()]
}

fn text() -> impl Strategy<Value = String> {
    let line = prop::collection::vec(letter(), 0..12).prop_map(String::from_iter);
    let word = prop_oneof![Just("\"\"\"".to_owned()), Just("\"\"\"#".to_owned()), Just("$${".to_owned()), Just("   \n".to_owned()), line];
    prop::collection::vec(word, 1..8).prop_map(|words| words.concat())
}

/// A text as HCL's quoted form spells it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            // Before a brace it would begin a template; doubled it does not, and as an escape it needs no look at what stands before it.
            '$' | '%' if letters.peek() == Some(&'{') => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}

fn main_tf(user_data: &str) -> String {
    format!(
        r#"
provider "aws" {{
  region = "us-east-1"
}}
module "kapacitor" {{
  source        = "./modules/kapacitor-server"
  cluster_name  = "kapacitor"
  ami_id        = "ami-0abcd1234abcd1234"
  instance_type = "t3.small"
  vpc_id        = "vpc-0a1b2c3d"
  subnet_ids    = ["subnet-0aaa1111"]
  user_data     = {user_data}
}}
"#
    )
}

fn script_of(text: &str) -> String {
    let conversion = converted(&main_tf(text)).unwrap_or_else(|findings| panic!("{findings:?}\n{text}"));
    assert!(conversion.findings.is_empty(), "{:?}\n{text}", conversion.findings);
    let file = read(&conversion);
    assert!(file.warnings.is_empty());
    file.specs[0].cluster.user_data.as_ref().map_or_else(String::new, |data| data.expose().to_owned())
}

proptest! {
    #[test]
    fn any_quoted_text_arrives_as_it_is(text in text()) {
        prop_assert_eq!(script_of(&quoted(&text)), text);
    }

    #[test]
    fn any_heredoc_arrives_as_it_is(text in text(), indent in 0_usize..9) {
        // A heredoc has no escapes but those of templates, and ends with a line break.
        let text = text.replace("${", "$").replace("%{", "%").replace("${", "$");
        prop_assume!(!text.contains("${") && !text.contains("%{"));
        let text = text + "\n";
        prop_assert_eq!(script_of(&format!("<<EOF\n{text}EOF")), text.clone());
        // Indented as a whole: lines of nothing but white space keep it, so they are left out here; so is white space before the first letter.
        let lines: Vec<&str> = text.split_terminator('\n').filter(|line| !line.trim().is_empty()).map(str::trim_start).collect();
        prop_assume!(!lines.is_empty());
        let indented: String = lines.iter().map(|line| format!("{}{line}\n", " ".repeat(indent))).collect();
        let plain: String = lines.iter().map(|line| format!("{line}\n")).collect();
        prop_assert_eq!(script_of(&format!("<<-EOF\n{indented}  EOF")), plain);
    }

    #[test]
    fn whatever_is_given_is_answered(text in text(), at in 0_usize..600) {
        // A sound file with anything in the middle of it.
        let sound = main_tf("\"x\"");
        let at = sound.floor_char_boundary(at.min(sound.len()));
        let broken = format!("{}{text}{}", &sound[..at], &sound[at..]);
        match convert(Request::new(vec![ConfigSource::new("main.tf", broken)])) {
            Ok(conversion) if conversion.is_usable() => drop(read(&conversion)),
            Ok(conversion) => prop_assert!(!conversion.findings.is_empty()),
            Err(findings) => prop_assert!(!findings.is_empty()),
        }
    }

    #[test]
    fn any_tag_is_carried_over_or_refused_at_its_place(key in text(), value in text()) {
        let tags = format!("[{{ key = {}, value = {}, propagate_at_launch = true }}]", quoted(&key), quoted(&value));
        let conversion = converted(&main_tf("\"x\"").replace("user_data ", &format!("tags = {tags}\n  user_data "))).unwrap();
        if conversion.is_usable() {
            let file = read(&conversion);
            let tags: Vec<_> = file.specs[0].cluster.tags.iter().map(|(key, tag)| (key.to_string(), tag.value.to_string())).collect();
            prop_assert_eq!(tags, [(key, value)]);
        } else {
            prop_assert!(conversion.findings.iter().all(|finding| finding.argument.as_deref() == Some("tags") && finding.place.is_some()));
        }
    }
}
