//! Several parts in one user data, in the form that cloud-init takes: MIME multipart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// RFC 2045's limit for lines of base64.
const BASE64_LINE: usize = 76;

/// One part.
pub(crate) struct Part<'a> {
    /// cloud-init runs scripts in the order of their names.
    pub(crate) name: &'a str,
    /// The text.
    pub(crate) text: &'a str,
}

/// A document of these parts, in order. cloud-init tells what each is by its first line (`#!`, `#cloud-config`, …); a part that is a MIME document
/// already stays one, within this.
pub(crate) fn document(parts: &[Part<'_>]) -> String {
    let bodies: Vec<String> = parts.iter().map(entity).collect();
    // Deterministic, and never a line of a part.
    let boundary = (0..).map(|n| format!("kaphost-{n}")).find(|candidate| !bodies.iter().any(|body| body.contains(candidate.as_str())));
    let boundary = boundary.unwrap_or_default();
    let mut text = format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\nMIME-Version: 1.0\n\n");
    for body in bodies {
        text.extend(["--", &boundary, "\n", &body, "\n"]);
    }
    text.extend(["--", &boundary, "--\n"]);
    text
}

/// The part with its headers.
fn entity(part: &Part<'_>) -> String {
    // A document has headers of its own: as it stands, it is a part.
    if looks_like_mime(part.text) && part.text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return part.text.to_owned();
    }
    // What is not plain ASCII would be spoilt: Python, which cloud-init is written in, gives no other text back unharmed.
    let plain = part.text.bytes().all(|b| b == b'\n' || b == b'\t' || (b' '..=b'~').contains(&b));
    let (encoding, body) = if plain { ("7bit", part.text.to_owned()) } else { ("base64", base64(part.text)) };
    let charset = if plain { "us-ascii" } else { "utf-8" };
    format!(
        "Content-Type: text/plain; charset=\"{charset}\"\nContent-Transfer-Encoding: {encoding}\nContent-Disposition: attachment; filename=\"{}\"\n\n{body}",
        part.name
    )
}

/// Whether cloud-init takes user data for a MIME document: by nothing but this word, which a script might hold too (`convert_string` of its
/// `user_data.py`).
pub(crate) fn looks_like_mime(text: &str) -> bool {
    let head = &text.as_bytes()[..text.len().min(4096)];
    head.to_ascii_lowercase().windows(13).any(|bytes| bytes == b"mime-version:")
}

fn base64(text: &str) -> String {
    let encoded = STANDARD.encode(text);
    let lines = encoded.as_bytes().chunks(BASE64_LINE).map(|line| String::from_utf8_lossy(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What lies between the first two boundaries.
    fn first(text: &str) -> String {
        let document = document(&[Part { name: "a", text }, Part { name: "b", text: "#!/bin/sh\n" }]);
        let boundary = document.split('"').nth(1).unwrap().to_owned();
        document.split(&format!("--{boundary}\n")).nth(1).unwrap().to_owned()
    }

    #[test]
    fn plain_text_stands_as_it_is() {
        let entity = first("#!/bin/sh\necho\tone");
        assert!(entity.contains("7bit") && entity.ends_with("filename=\"a\"\n\n#!/bin/sh\necho\tone\n"), "{entity}");
    }

    #[test]
    fn what_python_would_spoil_is_encoded() {
        for text in ["#!/bin/sh\necho ü", "#!/bin/sh\r\n", "#!/bin/sh\n\u{7f}"] {
            let entity = first(text);
            let (headers, body) = entity.split_once("\n\n").unwrap();
            assert!(headers.contains("Content-Transfer-Encoding: base64"), "{headers}");
            assert_eq!(STANDARD.decode(body.replace('\n', "")).unwrap(), text.as_bytes());
        }
        let long = first(&"ü".repeat(500));
        assert!(long.lines().all(|line| line.len() <= BASE64_LINE) && long.lines().count() > 10, "{long}");
    }

    #[test]
    fn a_boundary_is_in_no_part() {
        let document = document(&[Part { name: "a", text: "--kaphost-0\n--kaphost-1" }]);
        assert!(document.starts_with("Content-Type: multipart/mixed; boundary=\"kaphost-2\"\n"), "{document}");
    }

    #[test]
    fn a_document_is_a_part_and_a_script_about_mail_is_not_one() {
        let mime = "MIME-Version: 1.0\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n";
        assert_eq!(first(mime), format!("{mime}\n"));
        assert!(first("#!/bin/sh\n# mime-version: 1.0\n").starts_with("Content-Type: text/plain"));
        assert!(looks_like_mime("x\nMIME-Version: 1.0") && !looks_like_mime(&format!("{}mime-version:", " ".repeat(4090))));
    }
}
