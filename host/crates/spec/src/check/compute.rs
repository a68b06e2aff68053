//! Image, group, rollout, role and tags.

use serde_json::Value;

use super::{MAX_SECONDS, MAX_TAGS, Parts, Problems};
use crate::model::{Ami, Iam};
use crate::names::{ClusterName, Invalid, PolicyName, Region};
use crate::{Code, Path};

/// IAM's limit for the name of a role.
const MAX_ROLE_NAME: usize = 64;

/// IAM's limit for all inline policies of a role together, white space not counted.
const MAX_INLINE_BYTES: usize = 10_240;

/// The name of a cluster's role and instance profile. IAM is global, so the region is part of it.
#[must_use]
pub fn role_name(name: &ClusterName, region: &Region) -> String {
    format!("{name}-{region}")
}

/// A JSON object in compact form with sorted keys, so that equal documents are equal texts.
///
/// # Errors
/// When the text is no JSON object.
pub fn canonical_json(text: &str) -> Result<String, Invalid> {
    const HELP: &str = "a policy document is a JSON object: {\"Version\":\"2012-10-17\",\"Statement\":[…]}";
    match serde_json::from_str::<Value>(text) {
        // serde_json's map is sorted unless its feature `preserve_order` is on: sorted here, so that no other crate can change it.
        Ok(mut value @ Value::Object(_)) => {
            value.sort_all_objects();
            Ok(value.to_string())
        }
        Ok(_) => Err(Invalid::new("is JSON, but no object", HELP)),
        Err(error) => Err(Invalid::new(format!("is no JSON: line {}, column {} of it", error.line(), error.column()), HELP)),
    }
}

pub(super) fn check(parts: &Parts<'_>, problems: &mut Problems) {
    let root = Path::root();
    if let (Some(name), Some(region)) = (parts.name, parts.region) {
        let role = role_name(name, region);
        if role.len() > MAX_ROLE_NAME {
            let problem = format!("and `region` make the role's name `{role}`, {} characters", role.len());
            let help = format!("IAM takes {MAX_ROLE_NAME}: shorten the name by {}", role.len() - MAX_ROLE_NAME);
            problems.clash(Code::NameTooLong, &root.field("name"), &root.field("region"), problem, help);
        }
    }
    if let Some(ami) = parts.ami {
        image(&root.field("ami"), ami, problems);
    }

    let scaling = root.field("scaling");
    let policies = &parts.scaling.termination_policies;
    let at = scaling.field("termination-policies");
    if policies.is_empty() {
        problems.add(Code::MissingValue, &at, "is empty", "name at least one, such as `Default`");
    }
    if policies.iter().enumerate().any(|(i, policy)| policies[..i].contains(policy)) {
        problems.add(Code::Duplicate, &at, "names a policy twice", "name each once");
    }
    let rollout = root.field("rollout");
    for (at, seconds, min) in [
        (scaling.field("health-check-grace-period"), Some(parts.scaling.health_check_grace_period_s), 0),
        (scaling.field("wait-for-capacity-timeout"), Some(parts.scaling.wait_for_capacity_timeout_s), 0),
        (rollout.field("warmup"), parts.rollout.warmup_s, 0),
        (rollout.field("timeout"), Some(parts.rollout.timeout_s), 1),
    ] {
        if seconds.is_some_and(|seconds| !(min..=MAX_SECONDS).contains(&seconds)) {
            problems.add(Code::OutOfRange, &at, format!("is not within {min} to {MAX_SECONDS} seconds"), "14 days are the most");
        }
    }
    role(&root.field("iam"), parts.iam, problems);
    if let Some(key) = parts.tags.keys().nth(MAX_TAGS) {
        let problem = format!("is one of {} tags", parts.tags.len());
        problems.add(Code::TooManyTags, &root.field("tag").key(key), problem, format!("keep {MAX_TAGS}"));
    }
}

fn image(at: &Path, ami: &Ami, problems: &mut Problems) {
    match ami {
        Ami::Id(_) => {}
        Ami::Ssm(parameter) => {
            const HELP: &str = "a parameter's name looks like `/images/kapacitor/latest`";
            let good = parameter.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/:".contains(c));
            if !good || !(1..=1011).contains(&parameter.len()) {
                problems.add(Code::InvalidValue, at, "is no name of an SSM parameter", HELP);
            }
        }
        Ami::Lookup { owner, name } => {
            let account = owner.len() == 12 && owner.bytes().all(|b| b.is_ascii_digit());
            if !account && !["self", "amazon", "aws-marketplace", "aws-backup-vault"].contains(&owner.as_str()) {
                const HELP: &str = "an owner is the 12 digits of an account, `self`, `amazon` or `aws-marketplace`";
                problems.add(Code::InvalidValue, &at.field("owner"), "is no owner of images", HELP);
            }
            let good = name.chars().all(|c| c.is_ascii_alphanumeric() || " ()[]./-'@_*?".contains(c));
            if !good || !(1..=128).contains(&name.len()) {
                const HELP: &str = "an image's name is at most 128 of a-z, A-Z, 0-9 and ( ) [ ] . / - ' @ _; * and ? match";
                problems.add(Code::InvalidValue, &at.field("name"), "is no name of an image", HELP);
            }
        }
    }
}

fn role(at: &Path, iam: &Iam, problems: &mut Problems) {
    const HELP: &str = "a managed policy looks like `arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy`";
    let managed = iam.managed_policies.iter().map(|arn| (at.field("managed-policy").key(arn), arn));
    let boundary = iam.boundary.iter().map(|arn| (at.field("boundary"), arn));
    for (path, arn) in managed.chain(boundary) {
        let mut fields = arn.as_str().splitn(6, ':').skip(2);
        let good = fields.next() == Some("iam") && fields.nth(2).is_some_and(|resource| resource.starts_with("policy/"));
        if !good {
            problems.add(Code::InvalidArn, &path, "is no ARN of an IAM policy", HELP);
        }
    }
    let mut total = 0_usize;
    for (name, document) in &iam.inline_policies {
        let path = at.field("inline-policy").key(name);
        problems.invalid(Code::InvalidValue, &path, name.parse::<PolicyName>().map(drop));
        match canonical_json(document) {
            Ok(canonical) if canonical == *document => {}
            Ok(_) => problems.add(Code::InvalidJson, &path, "is not in canonical form", "write compact JSON with sorted keys"),
            Err(Invalid { problem, help }) => problems.add(Code::InvalidJson, &path, problem, help),
        }
        total += document.chars().filter(|c| !c.is_whitespace()).map(char::len_utf8).sum::<usize>();
    }
    if total > MAX_INLINE_BYTES {
        let problem = format!("is {total} bytes long in all");
        problems.add(
            Code::InvalidValue,
            &at.field("inline-policy"),
            problem,
            format!("IAM takes {MAX_INLINE_BYTES} for a role: use managed policies"),
        );
    }
}
