//! A policy on tags: some have to be there, some have to hold one of a few values, and what is missing may be filled in.
//!
//! It fills in what the settings give a value for, and refuses what is missing, empty, or not allowed afterwards.

mod wanted;

use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{
    Amended, Amendment, Cluster, Description, Facts, Mutate, Policy, Rule, Settings, Severity, Tag, Validate, Violation, path,
    sorted_by_key,
};
use wanted::Wanted;

/// The required tags are there, and say something.
pub const REQUIRED_TAGS: &str = "required-tags";
/// A tag holds one of the values that are allowed for it.
pub const VALUE: &str = "tag-value-not-allowed";
/// The required tags reach instances and volumes too.
pub const PROPAGATED: &str = "tag-not-propagated";

const REQUIRED: setting::Texts =
    setting::Texts::new("required-tags", &["Owner", "CostCenter"], "Keys of the tags that every cluster has to carry, with a value.");
const VALUES: setting::Texts = setting::Texts::new(
    "tag-values",
    &[],
    "Allowed values, as Key=value, one text each; a tag whose key is not listed may hold any value.",
);
const DEFAULTS: setting::Texts =
    setting::Texts::new("tag-defaults", &[], "Tags, as Key=value, that are filled in where the cluster does not carry them.");
const PROPAGATE: setting::Boolean = setting::Boolean::new(
    "tags-propagate",
    false,
    "Whether the required tags have to reach instances and volumes, and not the group alone.",
);

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&REQUIRED, &VALUES, &DEFAULTS, &PROPAGATE];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct RequiredTags;

impl Policy for RequiredTags {
    fn describe() -> Description {
        const CONTROLS: &str = "https://docs.aws.amazon.com/securityhub/latest/userguide/autoscaling-controls.html#autoscaling-10";
        const GUIDE: &str = "https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html";
        Description::new("required-tags", env!("CARGO_PKG_VERSION"), "Clusters carry the tags that say whose they are.")
            .rule(Rule::new(REQUIRED_TAGS, Severity::Medium, "The cluster carries the required tags, each with a value.").url(CONTROLS))
            .rule(Rule::new(VALUE, Severity::Medium, "Every tag holds one of the values that are allowed for it.").url(GUIDE))
            .rule(Rule::new(PROPAGATED, Severity::Low, "The required tags reach instances and volumes.").url(GUIDE))
            .rule(Rule::settings())
            .settings(DECLARED)
    }
}

impl Mutate for RequiredTags {
    /// Fills in tags, and lets required ones propagate where they have to. Settings that cannot be understood are left to validation.
    fn mutate(cluster: Cluster, _: &Facts, settings: &Settings) -> Result<Amended, Vec<Violation>> {
        let mut amendment = Amendment::of(cluster);
        let Ok(wanted) = Wanted::new(settings) else { return Ok(amendment.done()) };
        let mut tags = std::mem::take(&mut amendment.cluster.tags);
        let given = tags.len();
        for (key, value) in &wanted.defaults {
            if tags.iter().all(|tag| tag.key != *key) {
                tags.push(Tag { key: (*key).to_owned(), value: (*value).to_owned(), propagate: true });
                amendment.because(
                    REQUIRED_TAGS,
                    path::tag(key),
                    "every cluster carries this tag, and this is its value where none is given",
                );
            }
        }
        if wanted.propagate {
            for tag in &mut tags {
                if !tag.propagate && wanted.required.contains(&tag.key.as_str()) {
                    tag.propagate = true;
                    let path = path::below(&path::tag(&tag.key), "propagate");
                    amendment.because(PROPAGATED, path, "instances and volumes carry this tag too");
                }
            }
        }
        // They come sorted, and what was added stands behind them.
        amendment.cluster.tags = if tags.len() == given { tags } else { sorted_by_key(tags, |tag| tag.key.clone()) };
        Ok(amendment.done())
    }
}

impl Validate for RequiredTags {
    fn validate(cluster: &Cluster, _: &Facts, settings: &Settings) -> Vec<Violation> {
        match Wanted::new(settings) {
            Err(violations) => violations,
            Ok(wanted) => {
                let required = wanted.required.iter().filter_map(|key| wanted.missing(cluster, key));
                required.chain(cluster.tags.iter().filter_map(|tag| wanted.judge(tag))).collect()
            }
        }
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(RequiredTags: policy);
