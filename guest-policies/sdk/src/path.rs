//! Paths into a cluster, quoted as the contract asks: fields joined by dots, keys in brackets as JSON strings. And the little
//! that sentences about values need besides.
//!
//! ```
//! use kaphost_guest::path;
//!
//! assert_eq!(path::tag("Owner"), r#"tag["Owner"]"#);
//! assert_eq!(path::below(&path::volume("/dev/xvdh"), "encrypted"), r#"volume["/dev/xvdh"].encrypted"#);
//! ```

use crate::Source;

/// `region`.
pub const REGION: &str = "region";
/// `ami`.
pub const AMI: &str = "ami";
/// `instance-type`.
pub const INSTANCE_TYPE: &str = "instance-type";
/// `tenancy`.
pub const TENANCY: &str = "tenancy";
/// `spot`.
pub const SPOT: &str = "spot";
/// `network.public-ip`.
pub const PUBLIC_IP: &str = "network.public-ip";
/// `network.subnets`.
pub const SUBNETS: &str = "network.subnets";
/// `ssh.allow`: all who may log in.
pub const SSH_ALLOW: &str = "ssh.allow";
/// `http.allow`: all who may call Kapacitor.
pub const HTTP_ALLOW: &str = "http.allow";
/// `egress`.
pub const EGRESS: &str = "egress";
/// `metadata`: the instance metadata service.
pub const METADATA: &str = "metadata";
/// `metadata.tokens`.
pub const TOKENS: &str = "metadata.tokens";
/// `metadata.hop-limit`.
pub const HOP_LIMIT: &str = "metadata.hop-limit";
/// `root-volume`.
pub const ROOT_VOLUME: &str = "root-volume";
/// `user-data`.
pub const USER_DATA: &str = "user-data";
/// `scaling.health-check`.
pub const HEALTH_CHECK: &str = "scaling.health-check";
/// `scaling.health-check-grace-period`.
pub const GRACE_PERIOD: &str = "scaling.health-check-grace-period";
/// `iam`.
pub const IAM: &str = "iam";
/// `iam.boundary`.
pub const BOUNDARY: &str = "iam.boundary";
/// `kapacitor.influxdb`.
pub const INFLUXDB: &str = "kapacitor.influxdb";
/// `kapacitor.extra-config`.
pub const EXTRA_CONFIG: &str = "kapacitor.extra-config";
/// `tag`: every tag.
pub const TAGS: &str = "tag";

/// `ssh.allow["10.0.0.0/8"]`.
#[must_use]
pub fn ssh_allow(source: &Source) -> String {
    entry(SSH_ALLOW, source.key())
}

/// `http.allow["10.0.0.0/8"]`.
#[must_use]
pub fn http_allow(source: &Source) -> String {
    entry(HTTP_ALLOW, source.key())
}

/// `egress["0.0.0.0/0"]`.
#[must_use]
pub fn egress(cidr: &str) -> String {
    entry(EGRESS, cidr)
}

/// `volume["/dev/xvdh"]`.
#[must_use]
pub fn volume(device: &str) -> String {
    entry("volume", device)
}

/// `network.subnets["subnet-0aaa"]`.
#[must_use]
pub fn subnet(id: &str) -> String {
    entry(SUBNETS, id)
}

/// `settings["NAME"]`: no part of the cluster, but a setting of the policy itself, for a violation that complains about it.
#[must_use]
pub fn setting(name: &str) -> String {
    entry("settings", name)
}

/// `tag["Owner"]`.
#[must_use]
pub fn tag(key: &str) -> String {
    entry(TAGS, key)
}

/// `iam.managed-policy["arn:…"]`.
#[must_use]
pub fn managed_policy(arn: &str) -> String {
    entry("iam.managed-policy", arn)
}

/// `iam.inline-policy["name"]`.
#[must_use]
pub fn inline_policy(name: &str) -> String {
    entry("iam.inline-policy", name)
}

/// A field below a path: `root-volume.encrypted`.
#[must_use]
pub fn below(path: &str, field: &str) -> String {
    let mut whole = String::with_capacity(path.len() + 1 + field.len());
    whole.push_str(path);
    whole.push('.');
    whole.push_str(field);
    whole
}

/// An entry of a keyed list: `list["key"]`.
#[must_use]
pub fn entry(list: &str, key: &str) -> String {
    let mut whole = String::with_capacity(list.len() + key.len() + 4);
    whole.push_str(list);
    whole.push('[');
    quote(&mut whole, key);
    whole.push(']');
    whole
}

/// A text in double quotes, escaped: a JSON string, and a KDL string as long as the text holds no control characters.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut whole = String::with_capacity(text.len() + 2);
    quote(&mut whole, text);
    whole
}

/// Texts with commas between, for a sentence.
#[must_use]
pub fn list<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let mut whole = String::new();
    for text in texts {
        if !whole.is_empty() {
            whole.push_str(", ");
        }
        whole.push_str(text.as_ref());
    }
    whole
}

fn quote(out: &mut String, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => {
                let code = c as usize;
                out.push_str("\\u00");
                out.push(char::from(HEX[code >> 4]));
                out.push(char::from(HEX[code & 15]));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

impl Source {
    /// The key of its rule: the network or the id of the group.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Cidr(key) | Self::SecurityGroup(key) => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_json_does() {
        let all: String = (0..0x180).filter_map(char::from_u32).collect();
        for key in ["", "Owner", "a\"]b", "back\\slash", "🦀", &all] {
            assert_eq!(entry("tag", key), format!("tag[{}]", serde_json::to_string(key).unwrap()));
        }
    }

    #[test]
    fn names_what_lies_below_an_entry() {
        let rule = ssh_allow(&Source::Cidr("2001:db8::/32".into()));
        assert_eq!(below(&rule, "description"), r#"ssh.allow["2001:db8::/32"].description"#);
        assert_eq!(inline_policy("a b"), r#"iam.inline-policy["a b"]"#);
        assert_eq!(list(["a", "b"]) + &list::<&str>([]), "a, b");
        assert_eq!(http_allow(&Source::SecurityGroup("sg-0a".into())), r#"http.allow["sg-0a"]"#);
    }
}
