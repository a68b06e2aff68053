//! What base64 hides: cloud-init takes files and whole parts of a message in that form.

/// Characters that a run within a line needs to be looked into. Shorter ones are words.
const SHORTEST_RUN: usize = 24;

/// A stretch of base64, and the line that it starts in.
struct Run {
    line: usize,
    text: String,
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// Every run of base64: long ones within a line, and lines of nothing else joined together.
fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    // Whether the last run was a whole line, which the next line may go on from.
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let whole = !line.is_empty() && line.bytes().all(is_base64);
        match runs.last_mut() {
            Some(last) if open && whole => last.text.push_str(line),
            _ if whole => runs.push(Run { line: index + 1, text: line.to_owned() }),
            _ => {
                let within = line.split(|c: char| !c.is_ascii() || !is_base64(c as u8)).filter(|run| run.len() >= SHORTEST_RUN);
                runs.extend(within.map(|run| Run { line: index + 1, text: run.to_owned() }));
            }
        }
        open = whole;
    }
    runs.retain(|run| run.text.len() >= SHORTEST_RUN);
    runs
}

/// The bytes, as far as it is base64. What is left over at the end is dropped.
fn decode(text: &str) -> Vec<u8> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).unwrap_or_default());
        }
    }
    bytes
}

/// The texts that are hidden in a text, each with the line that it starts in. What is no UTF-8 is none.
pub(crate) fn hidden(text: &str) -> Vec<(usize, String)> {
    let plain = |run: Run| String::from_utf8(decode(&run.text)).ok().map(|text| (run.line, text));
    runs(text).into_iter().filter_map(plain).collect()
}

/// The line in which something compressed starts, if anything is: gzip, as cloud-init takes it.
pub(crate) fn compressed(text: &str) -> Option<usize> {
    runs(text).iter().find(|run| decode(&run.text).starts_with(&[0x1f, 0x8b])).map(|run| run.line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_as_everybody_does() {
        for (text, bytes) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmE=", "fooba"), ("PDw/Pz8+Pg==", "<<???>>"), ("Zm9vY", "foo")]
        {
            assert_eq!(decode(text), bytes.as_bytes(), "{text}");
        }
    }

    #[test]
    fn finds_what_lies_within_a_line_and_over_several() {
        let text = "write_files:\n- content: cGFzc3dvcmQ9aHVudGVyMgo=cGFz\n- path: /etc/x\ncGFzc3dv\n  cmQ9aHVu\ndGVyMgo=\nend of it\n";
        let found = hidden(text);
        assert_eq!(found, [(2, "password=hunter2\n".to_owned()), (4, "password=hunter2\n".to_owned())]);
        assert!(hidden("short\nwords\nonly!\n").is_empty());
    }

    #[test]
    fn compressed_content_is_noticed() {
        assert_eq!(compressed("a b c\ncontent: H4sIAAAAAAAAA0vOzy0oSi0uTk0BAA==\n"), Some(2));
        assert_eq!(compressed("a b c\ncontent: cGFzc3dvcmQ9aHVudGVyMgo=\n"), None);
    }
}
