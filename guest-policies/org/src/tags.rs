//! Tags that every server carries.

use kaphost_guest::{Cluster, Rule, Settings, Severity, Violation, path, setting, sorted};

/// The rule: the required tags are there, and say something.
pub const REQUIRED_TAGS: &str = "required-tags";

pub(crate) const SETTING: setting::Texts =
    setting::Texts::new("required-tags", &["Owner", "CostCenter"], "Keys of the tags that every cluster has to carry, with a value.");

pub(crate) fn rule() -> Rule {
    Rule::new(REQUIRED_TAGS, Severity::Medium, "The cluster carries the required tags, each with a value.")
        .url("https://docs.aws.amazon.com/securityhub/latest/userguide/autoscaling-controls.html#autoscaling-10")
}

pub(crate) fn missing(cluster: &Cluster, settings: &Settings) -> Vec<Violation> {
    let mut keys = sorted(SETTING.get(settings));
    keys.dedup();
    let violation = |key: &str| {
        let tag = cluster.tags.iter().find(|tag| tag.key == key);
        let message = match tag {
            None => format!("the tag {} is missing", path::quoted(key)),
            Some(tag) if tag.value.trim().is_empty() => format!("the tag {} is empty", path::quoted(key)),
            Some(_) => return None,
        };
        // A key that differs in case only is the usual reason; AWS tells them apart.
        let similar = cluster.tags.iter().find(|tag| tag.key != key && tag.key.eq_ignore_ascii_case(key));
        let line = format!("tag {} \"…\"", path::quoted(key));
        let help = match (tag, similar) {
            (None, Some(other)) => format!("write `{line}`: {} is another tag, because keys are case-sensitive", path::quoted(&other.key)),
            (None, None) => format!("add `{line}` to the cluster"),
            (Some(_), _) => format!("give it a value: `{line}`"),
        };
        Some(Violation::new(REQUIRED_TAGS, path::tag(key), message).help(help))
    };
    keys.into_iter().filter_map(violation).collect()
}
