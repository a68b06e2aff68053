//! Servers to judge: one after another of four kinds, no two alike, as configs and as the JSON that a Rego policy sees; and ten policies to judge them by.

#[cfg(any(test, feature = "evaluate"))]
use kaphost_spec::{ConfigSource, NoLookup, Spec};
#[cfg(any(test, feature = "regorus"))]
use kaphost_spec::{Leaf, Leaves};
#[cfg(any(test, feature = "evaluate"))]
use kaphost_tests::Failure;
#[cfg(any(test, feature = "regorus"))]
use serde_json::{Map, Value};

/// The policies: those that need neither facts nor settings.
pub(crate) const POLICIES: [&str; 10] = [
    "dedicated-tenancy",
    "encrypted-volumes",
    "health-checks",
    "imdsv2",
    "no-public-ip",
    "org",
    "required-tags",
    "restrict-egress",
    "restrict-ingress",
    "restrict-ssh",
];

/// Which servers there are, in turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Keeps every rule.
    Sound,
    /// Keeps every rule, with more of everything.
    Broad,
    /// Breaks rules that mutators mend.
    Mendable,
    /// Breaks rules that nobody mends.
    Wrong,
}

impl Kind {
    /// The kind of the nth server: half of them are sound, as in a fleet that is looked after.
    pub(crate) const fn of(n: usize) -> Self {
        match n % 4 {
            0 => Self::Sound,
            1 => Self::Broad,
            2 => Self::Mendable,
            _ => Self::Wrong,
        }
    }
}

/// The nth server.
///
/// # Errors
/// When the config that is written here is none.
#[cfg(any(test, feature = "evaluate"))]
pub(crate) fn spec(n: usize) -> Result<Spec, Failure> {
    let parsed = kaphost_spec::parse(ConfigSource::new(format!("server-{n}.kdl"), text(n)), &NoLookup);
    let file = parsed.map_err(|report| Failure::new(format!("server {n}: {report:?}")))?;
    file.specs.into_iter().next().ok_or_else(|| Failure::new(format!("server {n} is not in its config")))
}

/// Its config.
pub(crate) fn text(n: usize) -> String {
    use std::fmt::Write as _;
    let kind = Kind::of(n);
    let mendable = kind == Kind::Mendable;
    let (a, b) = (n / 250 % 250, n % 250);
    let mut ssh = format!("allow cidr=\"10.{a}.{b}.0/24\" description=\"office\"\n");
    let mut http = format!("allow cidr=\"10.{b}.{a}.0/24\" description=\"scrapers\"\n");
    let mut volumes = String::new();
    if kind == Kind::Broad {
        for i in 0..8 {
            let _ = writeln!(ssh, "allow cidr=\"10.{a}.{b}.{}/32\" description=\"host {i}\"", i + 1);
            let _ = writeln!(http, "allow cidr=\"172.16.{i}.{b}/32\" description=\"scraper {i}\"");
        }
        volumes.push_str("volume \"/dev/xvdi\" type=\"gp3\" size=100 encrypted=#true\n");
    }
    if kind == Kind::Wrong {
        ssh.push_str("allow cidr=\"0.0.0.0/0\" description=\"everybody\"\nallow cidr=\"96.0.0.0/4\" description=\"many\"\n");
        http.push_str("allow cidr=\"::/0\" description=\"everybody\"\n");
    }
    let tags = if kind == Kind::Wrong { "tag \"Team\" \"metrics\"" } else { "tag \"Owner\" \"metrics\"\n    tag \"CostCenter\" \"4711\"" };
    format!(
        r#"cluster "server-{n}" region="eu-west-1" {{
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    tenancy "{tenancy}"
    network vpc="vpc-0a1b2c3d" public-ip=#{mendable} {{
        subnets "subnet-0aaa1111" "subnet-0bbb2222"
    }}
    ssh port=22 key="ops" {{
        {ssh}
    }}
    http port=9092 {{
        {http}
    }}
    egress {{
        allow cidr="{egress}" description="updates"
    }}
    metadata tokens="{tokens}"
    root-volume type="gp3" size={size} encrypted=#{encrypted}
    volume "/dev/xvdh" type="gp3" size=300 encrypted=#{encrypted}
    {volumes}
    scaling {{
        health-check "{health}"
    }}
    {tags}
}}
"#,
        tenancy = if mendable { "default" } else { "dedicated" },
        egress = if kind == Kind::Wrong { "0.0.0.0/0" } else { "10.0.0.0/8" },
        tokens = if mendable { "optional" } else { "required" },
        size = 20 + n % 50,
        encrypted = !mendable,
        health = if kind == Kind::Wrong { "ec2" } else { "elb" },
    )
}

/// A cluster's leaves as nested objects. What has a value and more below it holds the value as `value`; what is merely there is an empty object.
#[cfg(any(test, feature = "regorus"))]
pub(crate) fn json(leaves: &Leaves) -> Value {
    let mut root = Value::Object(Map::new());
    for (path, leaf) in leaves {
        let mut at = &mut root;
        for segment in path.segments() {
            if !at.is_object() {
                let value = at.take();
                *at = Value::Object(Map::from_iter([("value".to_owned(), value)]));
            }
            let Value::Object(fields) = at else { unreachable!("it was made one") };
            at = fields.entry(segment.text().to_owned()).or_insert_with(|| Value::Object(Map::new()));
        }
        *at = match leaf {
            Leaf::Present => Value::Object(Map::new()),
            Leaf::Bool(value) => Value::from(*value),
            Leaf::Int(value) => Value::from(*value),
            Leaf::Text(value) => Value::from(value.as_str()),
            Leaf::Texts(values) => Value::from(values.clone()),
        };
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_above_others_are_kept() {
        let json = json(&spec(0).unwrap().cluster.leaves());
        assert_eq!(json["tag"]["Owner"]["value"], "metrics");
        assert_eq!(json["tag"]["Owner"]["propagate"], true);
        assert_eq!(json["network"]["subnets"]["subnet-0aaa1111"], Value::Object(Map::new()));
        assert_eq!(json["ssh"]["allow"]["10.0.0.0/24"]["description"], "office");
    }

    #[test]
    fn no_two_are_alike() {
        let texts: std::collections::BTreeSet<String> = (0..1_000).map(|n| text(n).replace(&format!("server-{n}"), "")).collect();
        assert!(texts.len() > 900, "{}", texts.len());
    }
}
