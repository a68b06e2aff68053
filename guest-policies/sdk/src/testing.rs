//! For native tests of policies: a sample cluster, and calls that check what the host would check.
//!
//! [`validate()`] and [`mutate()`] call a policy as the host does, and panic when its answer breaks the contract: a rule that it
//! does not describe, a path that cannot be read, a second pass that changes its own answer, changes without any reason.
//! Whether each single change is explained only the host finds. [`described()`] checks the description itself.

#![expect(clippy::panic, reason = "panicking is how a test helper reports")]

use std::collections::BTreeSet;

use crate::*;

/// A cluster as most are: `metrics-stage`, in `us-east-1`, one encrypted root volume, one more on `/dev/xvdh`, SSH from
/// `10.0.0.0/8` and a bastion's group, Kapacitor's API from `10.0.0.0/8`, everything to be reached over IPv4, the tags
/// `CostCenter` and `Owner`, the health check of EC2, shared hardware, and nothing but the safe defaults otherwise.
#[must_use]
pub fn cluster() -> Cluster {
    let volume = |size_gib| VolumeSettings {
        volume_type: VolumeType::Gp3,
        size_gib,
        iops: None,
        throughput_mibps: None,
        encrypted: true,
        kms_key: None,
        delete_on_termination: true,
    };
    Cluster {
        name: "metrics-stage".into(),
        region: "us-east-1".into(),
        ami: Ami::Id("ami-0123456789abcdef0".into()),
        instance_type: "t3.small".into(),
        tenancy: Tenancy::Default,
        ebs_optimized: None,
        spot: None,
        network: Network {
            vpc: "vpc-0a1b2c3d".into(),
            subnets: vec!["subnet-0aaa1111".into(), "subnet-0bbb2222".into()],
            public_ip: false,
        },
        ssh: Ssh { port: 22, key: Some("ops".into()), allow: vec![ingress("10.0.0.0/8", "office"), ingress("sg-0123abcd", "bastion")] },
        http: Http { port: 9092, allow: vec![ingress("10.0.0.0/8", "office")], security_group: None },
        egress: vec![EgressRule { cidr: "0.0.0.0/0".into(), ports: None, description: "everything".into() }],
        metadata: InstanceMetadata { enabled: true, tokens: Tokens::Required, hop_limit: 1 },
        root_volume: volume(50),
        volumes: vec![Volume { device: "/dev/xvdh".into(), settings: volume(300), snapshot: None }],
        user_data: None,
        scaling: Scaling {
            termination_policies: vec!["Default".into()],
            health_check: HealthCheck::Ec2,
            health_check_grace_period_s: 600,
            wait_for_capacity_timeout_s: 600,
            deletion_protection: false,
        },
        rollout: Rollout {
            strategy: RolloutStrategy::TerminateFirst,
            auto_rollback: true,
            skip_matching: true,
            warmup_s: None,
            timeout_s: 3600,
        },
        iam: Iam { profile_path: "/".into(), managed_policies: Vec::new(), inline_policies: Vec::new(), boundary: None },
        tags: vec![tag("CostCenter", "1234"), tag("Owner", "metrics")],
        kapacitor: None,
    }
}

/// The sample cluster with SSH from these sources only: networks, or security groups that start with `sg-`.
#[must_use]
pub fn cluster_with_ssh(sources: &[&str]) -> Cluster {
    let mut cluster = cluster();
    cluster.ssh.allow = sources.iter().map(|source| ingress(source, "test")).collect();
    cluster
}

/// One source that is let in: a network, or a security group when it starts with `sg-`.
#[must_use]
pub fn ingress(source: &str, description: &str) -> IngressRule {
    let source = if source.starts_with("sg-") { Source::SecurityGroup(source.into()) } else { Source::Cidr(source.into()) };
    IngressRule { source, description: description.into() }
}

/// A tag that propagates.
#[must_use]
pub fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.into(), value: value.into(), propagate: true }
}

/// What the host would know of the sample cluster: the account `123456789012`, which owns the image; one private subnet in each
/// of two zones; a VPC that is not the default one.
#[must_use]
pub fn facts() -> Facts {
    let subnet =
        |id: &str, zone: &str, cidr: &str| SubnetFacts { id: id.into(), zone: zone.into(), cidr: cidr.into(), auto_public_ip: false };
    Facts {
        account: Some("123456789012".into()),
        ami: Some(AmiFacts {
            id: "ami-0123456789abcdef0".into(),
            owner: "123456789012".into(),
            name: "kapacitor-1.7.7".into(),
            created: "2026-03-14T15:09:26.000Z".into(),
            architecture: "x86_64".into(),
            root_device: "/dev/xvda".into(),
        }),
        subnets: vec![subnet("subnet-0aaa1111", "us-east-1a", "10.0.0.0/20"), subnet("subnet-0bbb2222", "us-east-1b", "10.0.16.0/20")],
        vpc: Some(VpcFacts { id: "vpc-0a1b2c3d".into(), cidrs: vec!["10.0.0.0/16".into()], is_default: false }),
    }
}

/// No facts at all, as for a policy that asks for none.
#[must_use]
pub const fn no_facts() -> Facts {
    Facts { account: None, ami: None, subnets: Vec::new(), vpc: None }
}

/// What the host would hand over: the defaults of the policy's description, and these in their place.
///
/// # Panics
/// When one of them is not described, or of another type.
#[must_use]
pub fn settings<P: Policy>(set: &[(&str, SettingValue)]) -> Settings {
    let schemas = P::describe().settings;
    for (name, value) in set {
        let schema =
            schemas.iter().find(|schema| schema.name == *name).unwrap_or_else(|| panic!("the policy describes no setting `{name}`"));
        assert!(fits(&schema.kind, value), "{value:?} is no value for the setting `{name}`, which is {:?}", schema.kind);
    }
    let defaults = schemas.into_iter().filter_map(|schema| Some(Setting { value: schema.default_value?, name: schema.name }));
    set.iter().fold(Settings::from(defaults.collect::<Vec<_>>()), |settings, (name, value)| settings.with(name, value.clone()))
}

/// Everything that was logged on this thread since the last call.
#[must_use]
pub fn logged() -> Vec<(Level, String)> {
    crate::log::native::take()
}

/// `rule @ path` of each violation.
#[must_use]
pub fn said(violations: &[Violation]) -> Vec<String> {
    violations.iter().map(|violation| format!("{} @ {}", violation.rule, violation.path)).collect()
}

/// `rule @ path` of each change.
#[must_use]
pub fn changed(amended: &Amended) -> Vec<String> {
    amended.changes.iter().map(|change| format!("{} @ {}", change.rule, change.path)).collect()
}

/// Calls a policy that needs no facts as the host does.
///
/// # Panics
/// When its answer breaks the contract.
#[must_use]
pub fn validate<P: Validate>(cluster: &Cluster, settings: &Settings) -> Vec<Violation> {
    validate_knowing::<P>(cluster, &no_facts(), settings)
}

/// Calls a policy as the host does.
///
/// # Panics
/// When its answer breaks the contract, or it needs facts that are not here.
#[must_use]
pub fn validate_knowing<P: Validate>(cluster: &Cluster, facts: &Facts, settings: &Settings) -> Vec<Violation> {
    check_needs::<P>(facts);
    let violations = P::validate(cluster, facts, settings);
    let rules = rules::<P>();
    violations.iter().for_each(|violation| check_violation(violation, &rules));
    violations
}

/// Calls a policy that needs no facts as the host does, and again on its own answer.
///
/// # Panics
/// When its answer breaks the contract: also when the second call changes anything.
///
/// # Errors
/// What the policy refuses.
pub fn mutate<P: Mutate>(cluster: Cluster, settings: &Settings) -> Result<Amended, Vec<Violation>> {
    mutate_knowing::<P>(cluster, &no_facts(), settings)
}

/// Calls a policy as the host does, and again on its own answer.
///
/// # Panics
/// As [`mutate()`], and when it needs facts that are not here.
///
/// # Errors
/// What the policy refuses.
pub fn mutate_knowing<P: Mutate>(cluster: Cluster, facts: &Facts, settings: &Settings) -> Result<Amended, Vec<Violation>> {
    check_needs::<P>(facts);
    let before = cluster.clone();
    let rules = rules::<P>();
    let amended = P::mutate(cluster, facts, settings).inspect_err(|violations| {
        assert!(!violations.is_empty(), "a refusal says why");
        violations.iter().for_each(|violation| check_violation(violation, &rules));
    })?;
    for change in &amended.changes {
        assert!(rules.contains(&change.rule), "the rule `{}` is not described", change.rule);
        check_path(&change.path);
        assert!(!change.reason.is_empty(), "a change at {} has no reason", change.path);
    }
    assert!(amended.cluster == before || !amended.changes.is_empty(), "something changed, and nothing says why");
    let again = P::mutate(amended.cluster.clone(), facts, settings);
    assert_eq!(again.as_ref().map(|again| &again.cluster), Ok(&amended.cluster), "a second pass changes its own answer");
    Ok(amended)
}

/// Checks that a README names every rule and setting of the policy, each in backticks.
///
/// # Panics
/// When it does not.
pub fn documented<P: Policy>(readme: &str) {
    let description = P::describe();
    let names = description.rules.iter().map(|rule| &rule.id).chain(description.settings.iter().map(|setting| &setting.name));
    for name in names {
        assert!(readme.contains(&format!("`{name}`")), "the README does not say `{name}`");
    }
}

/// Checks that a description keeps the contract.
///
/// # Panics
/// When it does not.
pub fn described<P: Policy>() {
    let description = P::describe();
    assert_eq!(description, P::describe(), "a description does not depend on anything");
    let mut names = vec![&description.name];
    let (mut rules, mut settings) = (BTreeSet::new(), BTreeSet::new());
    for rule in &description.rules {
        assert!(rules.insert(&rule.id), "the rule `{}` is there twice", rule.id);
        check_sentence(&rule.summary);
        names.push(&rule.id);
    }
    for setting in &description.settings {
        assert!(settings.insert(&setting.name), "the setting `{}` is there twice", setting.name);
        check_sentence(&setting.doc);
        names.push(&setting.name);
        if let Some(value) = &setting.default_value {
            assert!(fits(&setting.kind, value), "the default of `{}` does not fit its type", setting.name);
        }
    }
    for name in names {
        let parts: Vec<&str> = name.split('-').collect();
        let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        assert!(parts.iter().all(word) && name.starts_with(|c: char| c.is_ascii_lowercase()), "`{name}` is not kebab-case");
    }
    check_sentence(&description.summary);
    let version: Vec<&str> = description.version.split(['-', '+']).next().unwrap_or_default().split('.').collect();
    assert!(version.len() == 3 && version.iter().all(|n| n.parse::<u32>().is_ok()), "`{}` is no semantic version", description.version);
}

/// The host never calls a policy without the facts that it needs.
fn check_needs<P: Policy>(facts: &Facts) {
    for fact in P::describe().needs {
        let known = match fact {
            Fact::Account => facts.account.is_some(),
            Fact::Ami => facts.ami.is_some(),
            Fact::Subnets => !facts.subnets.is_empty(),
            Fact::Vpc => facts.vpc.is_some(),
        };
        assert!(known, "the policy needs {fact:?}, which is not among the facts");
    }
}

fn rules<P: Policy>() -> BTreeSet<String> {
    P::describe().rules.into_iter().map(|rule| rule.id).collect()
}

fn fits(kind: &SettingKind, value: &SettingValue) -> bool {
    match (kind, value) {
        (SettingKind::Boolean, SettingValue::Boolean(_)) | (SettingKind::Text, SettingValue::Text(_)) => true,
        (SettingKind::Texts, SettingValue::Texts(_)) => true,
        (SettingKind::Integer((from, to)), SettingValue::Integer(value)) => (from..=to).contains(&value),
        _ => false,
    }
}

fn check_violation(violation: &Violation, rules: &BTreeSet<String>) {
    assert!(rules.contains(&violation.rule), "the rule `{}` is not described", violation.rule);
    check_path(&violation.path);
    assert!(!violation.message.is_empty(), "a violation at {} has no message", violation.path);
}

/// Kebab-case fields joined by dots, with quoted keys in brackets. Empty is the cluster itself.
fn check_path(path: &str) {
    let mut rest = path;
    while !rest.is_empty() {
        let start = rest.len() == path.len();
        if let Some(inside) = rest.strip_prefix("[\"") {
            let end = closing_quote(inside).unwrap_or_else(|| panic!("the key of `{path}` does not end"));
            rest = inside[end + 1..].strip_prefix(']').unwrap_or_else(|| panic!("`{path}` lacks a `]`"));
        } else {
            let name = if start { Some(rest) } else { rest.strip_prefix('.') };
            let name = name.unwrap_or_else(|| panic!("`{path}` lacks a dot before `{rest}`"));
            let len = name.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')).unwrap_or(name.len());
            assert!(len > 0, "`{path}` has something other than a name at `{name}`");
            rest = &name[len..];
        }
    }
}

/// Where the quote stands that is not escaped.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|b| {
        let closes = b == b'"' && !escaped;
        escaped = b == b'\\' && !escaped;
        closes
    })
}

fn check_sentence(text: &str) {
    assert!(text.ends_with('.') && text.len() > 10, "`{text}` is no sentence");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with whatever the settings say.
    struct Loose;

    const RULE: setting::Text = setting::Text::new("rule", "known", "The rule to cite.");
    const PATH: setting::Text = setting::Text::new("path", "tenancy", "The path to cite.");

    impl Policy for Loose {
        fn describe() -> Description {
            Description::new("loose", "0.1.0", "For the tests of the tests.")
                .rule(Rule::new("known", Severity::Low, "The one rule there is."))
                .setting(RULE.schema())
                .setting(PATH.schema())
        }
    }

    impl Validate for Loose {
        fn validate(_: &Cluster, _: &Facts, settings: &Settings) -> Vec<Violation> {
            vec![Violation::new(RULE.get(settings), PATH.get(settings), "wrong")]
        }
    }

    impl Mutate for Loose {
        fn mutate(cluster: Cluster, _: &Facts, settings: &Settings) -> Result<Amended, Vec<Violation>> {
            let mut amendment = Amendment::of(cluster);
            amendment.cluster.root_volume.size_gib += 1;
            amendment.because(RULE.get(settings), PATH.get(settings), "bigger is better");
            Ok(amendment.done())
        }
    }

    #[test]
    fn a_good_answer_passes() {
        described::<Loose>();
        for path in ["", "tenancy", r#"tag["a\"]b"]"#, r#"volume["/dev/xvdh"].kms-key"#, r#"x["\\"]"#] {
            assert_eq!(validate::<Loose>(&cluster(), &settings::<Loose>(&[("path", path.into())])).len(), 1, "{path}");
        }
    }

    #[test]
    #[should_panic(expected = "the rule `other` is not described")]
    fn an_unknown_rule_is_found() {
        let _ = validate::<Loose>(&cluster(), &settings::<Loose>(&[("rule", "other".into())]));
    }

    #[test]
    fn a_path_that_cannot_be_read_is_found() {
        for path in [".a", "a.", "a[b]", r#"a["b""#, r#"a["b]"#, "a b", "A", "a..b"] {
            assert!(std::panic::catch_unwind(|| check_path(path)).is_err(), "{path}");
        }
    }

    #[test]
    #[should_panic(expected = "a second pass changes its own answer")]
    fn an_endless_mutation_is_found() {
        let _ = mutate::<Loose>(cluster(), &Settings::new());
    }

    #[test]
    #[should_panic(expected = "the policy describes no setting `ruel`")]
    fn a_misspelt_setting_is_found() {
        let _ = settings::<Loose>(&[("ruel", "known".into())]);
    }

    #[test]
    fn what_is_logged_is_kept() {
        log(Level::Warn, "careful");
        assert_eq!(logged(), [(Level::Warn, "careful".to_owned())]);
        assert_eq!(logged(), []);
    }
}
