//! Text → KDL document.

use kdl::KdlDocument;

use super::build::build;
use super::context::Context;
use super::grammar;
use super::lexer::Mistake;
use super::value::range;
use crate::Code;

/// Bytes of a config. All that a cluster can hold is far below it; `kdl` takes about 40 times as much memory as its text.
const MAX_BYTES: usize = 1024 * 1024;

/// The document, or nothing when the text is none, which is reported.
pub(super) fn read(cx: &Context<'_>) -> Option<KdlDocument> {
    let text = cx.source.text.as_str();
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, {MAX_BYTES} at most", text.len());
        let help = "put long scripts into files of their own: `user-data (file)\"boot.sh\"`";
        cx.report(cx.diagnostic(Code::FileTooLarge, 0..0, message).with_help(help));
        return None;
    }
    let text = match grammar::check(text) {
        Ok(text) => text,
        Err(mistakes) => {
            for Mistake { code, span, message, label, help } in mistakes {
                cx.report(cx.diagnostic(code, span, message).with_label(label).with_help(help));
            }
            return None;
        }
    };
    if let Some(document) = build(&text) {
        return Some(document);
    }
    match KdlDocument::parse_v2(&text) {
        Ok(document) => Some(document),
        Err(error) => {
            // Rules that only `kdl` knows. Its messages are for whoever knows KDL, but they point at the place.
            for diagnostic in error.diagnostics {
                let message = diagnostic.message.unwrap_or_else(|| "this is no KDL 2".to_owned());
                let label = diagnostic.label.unwrap_or_else(|| "here".to_owned());
                let help = diagnostic.help.unwrap_or_else(|| "kdl.dev explains the language".to_owned());
                cx.report(cx.diagnostic(Code::Syntax, range(diagnostic.span), message).with_label(label).with_help(help));
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces that KDL is made of, so that random texts of them are often nearly right.
    const PIECES: &[&str] = &[
        "a",
        "node",
        "b=",
        "\"text\"",
        "#\"raw\"#",
        "\"\"\"\n  x\n  \"\"\"",
        "1",
        "-2.5",
        "0x1f",
        "1e3",
        "#true",
        "#null",
        "(t)",
        "( t )",
        "{",
        "}",
        " ",
        " ",
        " ",
        "\n",
        "\n",
        ";",
        "/-",
        "/* c */",
        "// c\n",
        "\\\n",
        "=",
        "true",
        ".5",
        "(",
        ")",
        "\"",
        "#",
        "[",
        "1a",
        "a/b",
        "\u{feff}",
        "é",
        "\"\\u{e9}\"",
        "\"\\q\"",
        "\"a\\  b\"",
        "\"\"",
        "\r\n",
        "\t",
        "+",
        "-",
        ".",
        "..",
    ];

    #[test]
    fn the_end_of_a_node_that_is_taken_out_goes_with_it() {
        for text in ["/-a;", "a; /-b; c", "/-a 1 { b; }; c", "a { /-b; }", "/-a;\nb"] {
            let clean = grammar::check(text).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"));
            assert!(KdlDocument::parse_v2(&clean).is_ok(), "{text} as {clean:?}");
        }
    }

    /// Where each value stands, what it is, and how a number is written: all that is read of a document.
    fn all(document: &KdlDocument) -> Vec<String> {
        let name = |it: &kdl::KdlIdentifier| format!("{:?} at {:?}", it.value(), range(it.span()));
        let entry = |entry: &kdl::KdlEntry| {
            let format = entry.format().cloned().unwrap_or_default();
            let number = entry.value().is_integer() || entry.value().is_float();
            let repr = if number { format.value_repr } else { String::new() };
            format!(
                "{:?} {:?} {:?} at {:?} {:?} {repr}",
                entry.name().map(name),
                entry.ty().map(kdl::KdlIdentifier::value),
                entry.value(),
                range(entry.span()),
                entry.name().map(|_| (format.after_key.len(), format.after_eq.len())),
            )
        };
        let node = |node: &kdl::KdlNode| {
            let begins = range(node.span()).start;
            let head = format!("{begins} {} {:?}", name(node.name()), node.ty().map(kdl::KdlIdentifier::value));
            let entries: Vec<String> = node.entries().iter().map(entry).collect();
            format!("{head} [{}] {:?}", entries.join(", "), node.children().map(all))
        };
        document.nodes().iter().map(node).collect()
    }

    #[test]
    fn what_is_built_is_what_kdl_reads() {
        for text in [
            "a 1 -2 +3 0x1f 1_000 2.50 1e3 #true #null #nan \"\" \"b\" c #\"d\\e\"# ##\"\"#\"##\n",
            "(t)a (u)\"b\" ( v ) 5 k=1 \"k 2\" = (w)\"x\" k\\\n=\\ // c\n 3;b{c{}\nd 1;};e",
            "a \"\"\"\n  x\n   y\n  \"\"\" #\"\"\"\n z\n \"\"\"# \"\\u{e9}\\n\" k=\"\\  e\"",
            "\u{feff}a 1",
        ] {
            let clean = grammar::check(text).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"));
            let built = build(&clean).unwrap_or_else(|| panic!("{text} is not built"));
            assert_eq!(all(&built), all(&KdlDocument::parse_v2(&clean).unwrap()), "{text}");
        }
    }

    /// To the end of what it says: places are shown by it, and cases of policies are written down anew in it.
    #[test]
    fn a_node_ends_where_its_last_word_does() {
        let text = "a 1 // c\nb { c; (t)d k=2 /* x */; e {} ; } // y\nf";
        let document = build(&grammar::check(text).unwrap()).unwrap();
        let under = |node: &kdl::KdlNode| text[range(node.span())].to_owned();
        assert_eq!(document.nodes().iter().map(under).collect::<Vec<_>>(), ["a 1", "b { c; (t)d k=2 /* x */; e {} ; }", "f"]);
        let inner = document.nodes()[1].children().unwrap();
        assert_eq!(inner.nodes().iter().map(under).collect::<Vec<_>>(), ["c", "(t)d k=2", "e {}"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

        #[test]
        fn what_the_grammar_passes_kdl_takes(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..14)) {
            let text = pieces.concat();
            if let Ok(clean) = grammar::check(&text) {
                prop_assert_eq!(clean.len(), text.len());
                let parsed = KdlDocument::parse_v2(&clean);
                prop_assert!(parsed.is_ok(), "{:?} as {:?}: {:?}", text, clean, parsed);
                let built = build(&clean).map(|document| all(&document));
                prop_assert_eq!(built, parsed.ok().map(|document| all(&document)), "{:?}", text);
            }
        }

        #[test]
        fn what_kdl_takes_the_grammar_passes(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..14)) {
            let text = pieces.concat();
            // KDL wants white space in front of what is taken out. Behind a keyword `kdl` can do without; the grammar cannot.
            prop_assume!(!pieces.windows(2).any(|pair| pair[0].starts_with('#') && pair[1].starts_with("/-")));
            if KdlDocument::parse_v2(&text).is_ok()
                && let Err(mistakes) = grammar::check(&text)
            {
                prop_assert!(false, "{:?}: {:?}", text, mistakes);
            }
        }
    }
}
