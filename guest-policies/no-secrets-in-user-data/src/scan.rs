//! What looks like a secret: tokens of known shapes, private keys, passwords in addresses, and plain values where a name says that a secret stands.
//!
//! Deliberately without regular expressions: a component carries all that it uses, and what is looked for has simple shapes.

use crate::base64;

/// Something that looks like a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// From 1.
    pub(crate) line: usize,
    /// What it is, without any of it.
    pub(crate) kind: &'static str,
}

/// What tokens of a provider look like.
struct Shape {
    prefix: &'static str,
    /// The fewest characters after the prefix.
    fewest: usize,
    kind: &'static str,
}

const SHAPES: &[Shape] = &[
    Shape { prefix: "AKIA", fewest: 16, kind: "the id of an AWS access key" },
    Shape { prefix: "ASIA", fewest: 16, kind: "the id of an AWS access key" },
    Shape { prefix: "ghp_", fewest: 36, kind: "a GitHub token" },
    Shape { prefix: "gho_", fewest: 36, kind: "a GitHub token" },
    Shape { prefix: "ghu_", fewest: 36, kind: "a GitHub token" },
    Shape { prefix: "ghs_", fewest: 36, kind: "a GitHub token" },
    Shape { prefix: "ghr_", fewest: 36, kind: "a GitHub token" },
    Shape { prefix: "github_pat_", fewest: 22, kind: "a GitHub token" },
    Shape { prefix: "glpat-", fewest: 20, kind: "a GitLab token" },
    Shape { prefix: "xoxb-", fewest: 10, kind: "a Slack token" },
    Shape { prefix: "xoxp-", fewest: 10, kind: "a Slack token" },
    Shape { prefix: "xoxa-", fewest: 10, kind: "a Slack token" },
    Shape { prefix: "xoxs-", fewest: 10, kind: "a Slack token" },
    Shape { prefix: "sk_live_", fewest: 16, kind: "a Stripe key" },
    Shape { prefix: "rk_live_", fewest: 16, kind: "a Stripe key" },
    Shape { prefix: "AIza", fewest: 35, kind: "a Google API key" },
    Shape { prefix: "npm_", fewest: 36, kind: "an npm token" },
    Shape { prefix: "hvs.", fewest: 24, kind: "a Vault token" },
];

/// Bytes on either side of a sign that are looked at. No name is longer, and a value shows itself sooner; it keeps a line of nothing but signs from taking its square in time.
const WINDOW: usize = 256;

/// Bytes that a web token may take up: it carries claims, which may be many.
const WEB_TOKEN: usize = 4096;

/// What the names of variables and options end in that hold secrets. Hyphens and underscores are one.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "api_key",
    "apikey",
    "access_key",
    "secret_key",
    "private_key",
    "auth_key",
    "credentials",
];

/// Values that are no secrets although they stand after such a name.
const PLAIN: &[&str] = &["true", "false", "yes", "no", "on", "off", "null", "none", "required", "optional"];

/// What a reference to a secret starts with: a variable, a command, a placeholder, an ARN.
const REFERENCES: &[&str] = &["$", "`", "%", "<", "{", "!", "arn:"];

/// Looks for secrets.
pub(crate) struct Scanner<'a> {
    names: Vec<&'a str>,
}

impl<'a> Scanner<'a> {
    /// With more names of what holds secrets.
    pub(crate) fn new(names: Vec<&'a str>) -> Self {
        let more = names.into_iter().map(str::trim).filter(|name| !name.is_empty());
        Self { names: NAMES.iter().copied().chain(more).collect() }
    }

    /// Everything that looks like a secret, also where it is hidden in base64; each kind once a line.
    pub(crate) fn scan(&self, text: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (index, line) in text.lines().enumerate() {
            self.line(line, index + 1, &mut findings);
        }
        for (line, hidden) in base64::hidden(text) {
            // Where it starts in the config is what can be pointed at.
            hidden.lines().for_each(|inner| self.line(inner, line, &mut findings));
        }
        findings
    }

    fn line(&self, line: &str, number: usize, findings: &mut Vec<Finding>) {
        let mut found = |kind| {
            let finding = Finding { line: number, kind };
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        };
        SHAPES.iter().filter(|shape| shape.is_in(line)).for_each(|shape| found(shape.kind));
        if is_web_token(line) {
            found("a JSON web token");
        }
        if line.contains("-----BEGIN ") && line.contains("PRIVATE KEY") {
            found("a private key");
        }
        if has_url_password(line) {
            found("a password in an address");
        }
        if self.assigns(line) || self.passes_option(line) {
            found("a plain value where a secret has its name");
        }
    }

    /// Whether a name is one of those that hold secrets, in any case.
    fn is_secret(&self, name: &str) -> bool {
        self.names.iter().any(|ending| ends_with(name.as_bytes(), ending.as_bytes()))
    }

    /// `NAME=value`, `name: value`, `"name": "value"`.
    fn assigns(&self, line: &str) -> bool {
        line.match_indices(['=', ':']).any(|(at, _)| {
            let before = last(&line[..at]).trim_end_matches([' ', '\t', '"', '\'', ':', '+']);
            let start = before.rfind(|c: char| !is_name(c)).map_or(0, |end| end + before[end..].chars().next().map_or(1, char::len_utf8));
            let (lead, name) = before.split_at(start);
            // `$NAME` is a reference, and `:secret:` a part of an ARN.
            !lead.ends_with(['$', '{', ':']) && self.is_secret(name) && is_plain(first(&line[at + 1..], WINDOW))
        })
    }

    /// `--password value`.
    fn passes_option(&self, line: &str) -> bool {
        let mut words = line.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let name = word.trim_start_matches('-');
            let is_option = word.len() > name.len() && name.chars().all(is_name);
            if is_option && self.is_secret(name) && words.peek().is_some_and(|next| !next.starts_with('-') && is_plain(next)) {
                return true;
            }
        }
        false
    }
}

impl Shape {
    fn is_in(&self, line: &str) -> bool {
        line.match_indices(self.prefix).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let rest = line.get(at + self.prefix.len()..).unwrap_or_default();
            let length = rest.bytes().take(self.fewest).take_while(|&byte| is_token(byte)).count();
            before.is_none_or(|c| !c.is_ascii_alphanumeric()) && length >= self.fewest
        })
    }
}

/// The start of a text, as much as is looked at.
fn first(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// The end of a text, as much as is looked at.
fn last(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(WINDOW))..]
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

const fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Whether a name ends in this, in any case, hyphens taken for underscores.
fn ends_with(name: &[u8], ending: &[u8]) -> bool {
    let same = |a: &u8, b: &u8| a.eq_ignore_ascii_case(b) || matches!((a, b), (b'-' | b'_', b'-' | b'_'));
    name.len() >= ending.len() && name.iter().rev().zip(ending.iter().rev()).all(|(a, b)| same(a, b))
}

/// Whether what follows is a value of its own, and neither nothing nor a reference to where the secret is kept.
fn is_plain(after: &str) -> bool {
    let after = after.trim_start_matches([' ', '\t', '=']);
    let value = match after.chars().next() {
        // What starts with a blank is what follows a prompt: `read -p "Password: " answer`.
        Some(quote @ ('"' | '\'')) => after
            .get(1..)
            .unwrap_or_default()
            .split(quote)
            .next()
            .filter(|value| !value.starts_with(char::is_whitespace))
            .unwrap_or_default(),
        _ => after.split(|c: char| c.is_whitespace() || matches!(c, ';' | ',' | '&' | ')' | '}')).next().unwrap_or_default(),
    };
    let value = value.trim();
    !value.is_empty()
        && !REFERENCES.iter().any(|start| value.starts_with(start))
        && !PLAIN.iter().any(|plain| value.eq_ignore_ascii_case(plain))
        && !value.bytes().all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.'))
}

/// `eyJ….eyJ….…`: a header and claims, each JSON in base64.
fn is_web_token(line: &str) -> bool {
    line.match_indices("eyJ").any(|(at, _)| {
        let mut parts = first(&line[at..], WEB_TOKEN).split('.');
        let long = |part: &str| part.bytes().take_while(|&byte| is_token(byte)).count() >= 10;
        matches!((parts.next(), parts.next(), parts.next()), (Some(header), Some(claims), Some(signature))
            if header.bytes().all(is_token) && long(header) && claims.starts_with("eyJ") && claims.bytes().all(is_token) && long(signature))
    })
}

/// `scheme://user:password@host`.
fn has_url_password(line: &str) -> bool {
    line.match_indices("://").any(|(at, sign)| {
        let rest = line.get(at + sign.len()..).unwrap_or_default();
        let authority = rest.split(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '?' | '#')).next().unwrap_or_default();
        let password = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password);
        password.is_some_and(|password| !password.is_empty() && !REFERENCES.iter().any(|start| password.starts_with(start)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<&'static str> {
        Scanner::new(vec!["license-key"]).scan(text).into_iter().map(|finding| finding.kind).collect()
    }

    const NAMED: &str = "a plain value where a secret has its name";

    #[test]
    fn tokens_are_known_by_their_shape() {
        let of = |prefix: &str, length: usize| format!("curl -H 'X: {prefix}{}'", "a1".repeat(length).split_at(length).0);
        for shape in SHAPES {
            assert_eq!(kinds(&of(shape.prefix, shape.fewest)), [shape.kind], "{}", shape.prefix);
            assert!(kinds(&of(shape.prefix, shape.fewest - 1)).is_empty(), "{}", shape.prefix);
            assert!(kinds(&of(&format!("x{}", shape.prefix), shape.fewest)).is_empty(), "{}", shape.prefix);
        }
        assert_eq!(kinds("h: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLWl0"), ["a JSON web token"]);
        let claims = "a".repeat(2000);
        assert_eq!(kinds(&format!("eyJhbGciOiJIUzI1NiJ9.eyJ{claims}.c2lnbmF0dXJlLW9mLWl0")), ["a JSON web token"]);
        assert!(kinds("h: eyJhbGciOiJIUzI1NiJ9.config.c2lnbmF0dXJlLW9mLWl0").is_empty());
    }

    #[test]
    fn private_keys_are_known_by_their_first_line() {
        assert_eq!(kinds("-----BEGIN RSA PRIVATE KEY-----\n…\n"), ["a private key"]);
        assert_eq!(kinds("  -----BEGIN PRIVATE KEY-----"), ["a private key"]);
        assert!(kinds("-----BEGIN CERTIFICATE-----\n-----BEGIN PUBLIC KEY-----").is_empty());
    }

    #[test]
    fn values_are_secrets_where_a_name_says_so() {
        for line in [
            "export DB_PASSWORD=hunter2",
            "password = \"hunter2\"",
            "  db.password: hunter2",
            "{\"apiKey\": \"hunter2\"}",
            "influx --token hunter2 query",
            "mysql --password=hunter2",
            "AWS_SECRET_ACCESS_KEY='wJalrXUtnFEMI'",
            "secret+=hunter2",
            "PASS=a; PASSWD=hunter2",
            "LICENSE_KEY=hunter2",
            "password := hunter2",
            "пароль password=hunter2",
        ] {
            assert_eq!(kinds(line), [NAMED], "{line}");
        }
    }

    #[test]
    fn references_and_other_values_pass() {
        for line in [
            "",
            "PASSWORD=$(aws secretsmanager get-secret-value --secret-id influx --query SecretString)",
            "PASSWORD=\"$PASSWORD\"",
            "token: ${TOKEN}",
            "secret: arn:aws:secretsmanager:us-east-1:123456789012:secret:influx",
            "password: <from-vault>",
            "PASSWORD=",
            "long: éééé",
            "password = \"\"",
            "password: true",
            "HttpTokens=required",
            "if [ \"$PASSWORD\" = \"\" ]; then",
            "if [ \"${PASSWORD}\" = \"x\" ]; then",
            "PASSWORD_FILE=/etc/kapacitor/password",
            "SecretId=influx",
            "read -rsp 'Password: ' answer",
            "read -p \"Enter the password: \" answer",
            "echo the token is kept elsewhere",
            "curl --token --silent",
            "password=********",
            "curl https://example.com:8086/path?a=b",
        ] {
            assert!(kinds(line).is_empty(), "{line}: {:?}", kinds(line));
        }
    }

    #[test]
    fn passwords_stand_in_addresses_too() {
        assert_eq!(kinds("curl https://admin:hunter2@influxdb:8086/query"), ["a password in an address"]);
        for line in ["https://admin@influxdb", "https://admin:$PASSWORD@influxdb", "https://influxdb/a:b@c", "https://admin:@influxdb"] {
            assert!(kinds(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn base64_hides_nothing_and_lines_are_counted() {
        // `export PASSWORD=hunter2`
        let found = Scanner::new(vec![]).scan("#!/bin/sh\n\ncontent: ZXhwb3J0IFBBU1NXT1JEPWh1bnRlcjIK\nTOKEN=a TOKEN=b\n");
        assert_eq!(found, [Finding { line: 4, kind: NAMED }, Finding { line: 3, kind: NAMED }]);
    }

    #[test]
    fn a_long_line_of_signs_takes_no_square_of_its_length() {
        for part in ["=", ":", "token=$", "eyJ", "npm_", "://", "--token ", "a=b:", "A", "\"="] {
            let text = part.repeat(200_000 / part.len());
            let started = std::time::Instant::now();
            let _ = kinds(&text);
            // A square would be minutes.
            assert!(started.elapsed() < std::time::Duration::from_secs(20), "{part}");
        }
    }

    #[test]
    fn any_text_at_all_is_scanned_without_a_fall() {
        for text in ["=", ":", "é=é", "--", "://@", "://:@", "eyJ", "AKIA", "\"", "password", "password=\"", "ü://ü:ü@ü", "\u{0}:\u{7f}"]
        {
            let _ = kinds(text);
        }
    }
}
