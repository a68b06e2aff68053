//! The forms in which a secret may hide, and the search for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::SECRET;

/// How a secret may hide.
pub(super) struct Forms(Vec<(&'static str, Vec<u8>)>);

impl Forms {
    pub(super) fn of(secret: &str) -> Self {
        let mut forms = vec![("in the clear", secret.as_bytes().to_vec()), ("backwards", secret.bytes().rev().collect())];
        // Base64 depends on how many bytes stand before: what is the same whatever stands around is looked for.
        for before in 0..3 {
            let encoded = STANDARD.encode([vec![0; before], secret.as_bytes().to_vec()].concat());
            let (from, to) = ([0, 2, 3][before], encoded.trim_end_matches('=').len() - 2);
            forms.push(("in base64", encoded.as_bytes()[from..to].to_vec()));
        }
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        forms.push(("in hexadecimal", hex.clone().into_bytes()));
        forms.push(("in hexadecimal", hex.to_uppercase().into_bytes()));
        // As JSON may escape every letter, and as XML may.
        forms.push(("in JSON's escapes", secret.bytes().map(|byte| format!("\\u{byte:04x}")).collect::<String>().into_bytes()));
        forms.push(("in XML's escapes", secret.bytes().map(|byte| format!("&#{byte};")).collect::<String>().into_bytes()));
        forms.push(("in URLs' escapes", secret.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>().into_bytes()));
        forms.push(("as numbers", secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ").into_bytes()));
        forms.push(("in UTF-16", secret.encode_utf16().flat_map(u16::to_le_bytes).collect()));
        Self(forms)
    }

    /// How it hides in these bytes.
    pub(super) fn in_bytes(&self, bytes: &[u8]) -> Option<&'static str> {
        // MIME breaks its lines, and JSON escapes the breaks.
        let unbroken: Vec<u8> = String::from_utf8_lossy(bytes)
            .replace("\\n", "")
            .replace("\\r", "")
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        self.within(bytes).or_else(|| self.within(&unbroken))
    }

    /// All forms are looked for in one pass: few bytes begin one.
    fn within(&self, bytes: &[u8]) -> Option<&'static str> {
        let mut begins = [false; 256];
        self.0.iter().for_each(|(_, form)| begins[usize::from(form[0])] = true);
        for (at, first) in bytes.iter().enumerate() {
            if !begins[usize::from(*first)] {
                continue;
            }
            if let Some((name, _)) = self.0.iter().find(|(_, form)| bytes[at..].starts_with(form)) {
                return Some(name);
            }
        }
        None
    }
}

#[test]
fn a_secret_is_found_in_every_form() {
    let forms = Forms::of(SECRET);
    for (what, bytes) in [
        ("in the clear", format!("x{SECRET}y").into_bytes()),
        ("in base64", STANDARD.encode(format!("{SECRET}y")).into_bytes()),
        ("in base64", STANDARD.encode(format!("xy{SECRET}z")).into_bytes()),
        ("in base64", STANDARD.encode(format!("abcd{SECRET}")).into_bytes()),
        ("in base64", STANDARD.encode(format!("abc d{SECRET}")).into_bytes()),
    ] {
        assert_eq!(forms.in_bytes(&bytes), Some(what), "{:?}", String::from_utf8_lossy(&bytes));
    }
    assert_eq!(forms.in_bytes(STANDARD.encode("something else that is long enough").as_bytes()), None);
}
