//! What a spec means in AWS's terms, where it is not one to one.

use std::collections::BTreeMap;

use crate::support::{cidr, cluster, desired};
use kaphost_plan::{DECISION_TAG, OWNER_TAG, RuleKey, SPEC_TAG, desire};
use kaphost_spec::{AdmittedSpec, Cluster, Kapacitor, LogLevel, RolloutStrategy, Spot, Tag, Tenancy, UserData};

#[test]
fn tenancy_is_said_unless_ec2_would_refuse_it() {
    for (spot, tenancy, said) in [
        (false, Tenancy::Default, Some("default")),
        (false, Tenancy::Dedicated, Some("dedicated")),
        (true, Tenancy::Default, None),
        (true, Tenancy::Dedicated, Some("dedicated")),
    ] {
        let mut it = cluster();
        (it.spot, it.tenancy) = (spot.then_some(Spot { max_price: None }), tenancy);
        assert_eq!(desired(&it).template.tenancy.as_deref(), said, "{spot} {tenancy}");
    }
}

/// The rules of SSH stay on the cluster's own group.
#[test]
fn rules_onto_a_group_of_others() {
    let mut it = cluster();
    it.http.security_group = Some("sg-0aaaaaaa".parse().unwrap());
    let desired = desired(&it);
    let elsewhere = desired.elsewhere.unwrap();
    let rules = |rules: &kaphost_plan::DesiredRules| rules.rules.iter().map(|rule| rule.key.to_string()).collect::<Vec<_>>();
    assert_eq!((elsewhere.group.as_str(), rules(&elsewhere.rules)), ("sg-0aaaaaaa", vec!["tcp 9092 from 10.0.0.0/8".to_owned()]));
    assert_eq!(rules(&desired.rules), ["tcp 22 from 10.0.0.0/8", "tcp 22 from 192.168.0.0/16", "all traffic to 0.0.0.0/0"]);
}

#[test]
fn tags_reach_what_they_should() {
    let mut it = cluster();
    it.tags.insert("Name".parse().unwrap(), Tag { value: "mine".parse().unwrap(), propagate: true });
    it.tags.insert("Secret".parse().unwrap(), Tag { value: "x".parse().unwrap(), propagate: false });
    let desired = desired(&it);
    let launched = BTreeMap::from([("Name", "mine"), ("Team", "metrics"), (OWNER_TAG, "kapacitor-stage")]);
    for tags in [&desired.template.instance_tags, &desired.template.volume_tags] {
        let tags: BTreeMap<&str, &str> = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(tags, launched);
    }
    let propagated: Vec<&str> = desired.group_tags.iter().filter(|(_, tag)| tag.propagate).map(|(key, _)| key.as_str()).collect();
    assert_eq!(propagated, ["Name", "Team", OWNER_TAG]);
    for key in ["Name", "Team", "Secret", OWNER_TAG, SPEC_TAG, DECISION_TAG] {
        assert!(desired.resource_tags().contains_key(key) && desired.group_tags.contains_key(key), "{key}");
    }
    assert_eq!(desired.ownership[DECISION_TAG], "d".repeat(16));
    assert_eq!(desired.ownership[SPEC_TAG].len(), 16);
}

#[test]
fn the_spec_tag_follows_the_spec() {
    let mut other = cluster();
    other.ssh.port = 2222;
    assert_eq!(desired(&cluster()).ownership, desired(&cluster()).ownership);
    assert_ne!(desired(&cluster()).ownership[SPEC_TAG], desired(&other).ownership[SPEC_TAG]);
}

/// AWS refuses the same rule twice.
#[test]
fn ssh_and_http_on_one_port_make_one_rule() {
    let mut it = cluster();
    it.http.port = it.ssh.port;
    it.http.allow = BTreeMap::from([cidr("10.0.0.0/8", "clients"), cidr("172.16.0.0/12", "vpn")]);
    let desired = desired(&it);
    let rules: Vec<String> = desired.rules.rules.iter().map(|rule| format!("{} {}", rule.key, rule.description)).collect();
    let expected = [
        "tcp 22 from 10.0.0.0/8 office",
        "tcp 22 from 172.16.0.0/12 vpn",
        "tcp 22 from 192.168.0.0/16 lab",
        "all traffic to 0.0.0.0/0 anywhere",
    ];
    assert_eq!(rules, expected);
    let path = |key: &RuleKey| desired.rules.paths[key].to_string();
    assert_eq!(path(&desired.rules.rules[0].key), r#"ssh.allow["10.0.0.0/8"]"#);
    assert_eq!(path(&desired.rules.rules[1].key), r#"http.allow["172.16.0.0/12"]"#);
}

#[test]
fn warmup_and_maintenance() {
    let mut it = cluster();
    assert_eq!((desired(&it).group.warmup_s, desired(&it).group.maintenance), (600, None));
    (it.rollout.warmup_s, it.rollout.strategy) = (Some(30), RolloutStrategy::LaunchFirst);
    assert_eq!((desired(&it).group.warmup_s, desired(&it).group.maintenance), (30, Some((100, 200))));
}

/// A cluster with a boot script, and with this as its `extra-config`.
fn booted(extra_config: Option<String>) -> Cluster {
    let influxdb = vec!["http://influx:8086".to_owned()];
    let (owner, log_level) = ("kapacitor".to_owned(), LogLevel::Info);
    Cluster {
        kapacitor: Some(Kapacitor { hostname: None, influxdb, storage: None, owner, log_level, tls: None, extra_config }),
        ..cluster()
    }
}

#[test]
fn the_boot_script_is_in_the_user_data() {
    let own = UserData::new("#!/bin/sh\necho mine\n".to_owned()).unwrap();
    for (own, start) in [(None, "#!/bin/bash\n"), (Some(own), "Content-Type: multipart/mixed")] {
        let data = desired(&Cluster { user_data: own.clone(), ..booted(None) }).template.user_data.unwrap();
        assert!(data.expose().starts_with(start) && data.expose().contains("http://influx:8086"), "{}", data.expose());
        assert_eq!(data.expose().contains("echo mine"), own.is_some());
    }
    assert_eq!(desired(&Cluster { user_data: None, ..cluster() }).template.user_data, None);
}

#[test]
fn a_boot_script_that_ec2_would_refuse_is_named_at_its_longest_value() {
    let padding = "#".repeat(14_000);
    let it = Cluster { user_data: None, ..booted(Some(format!("{padding}\n"))) };
    let refused = desire(&AdmittedSpec::seal(it, "d".repeat(64))).unwrap_err();
    assert_eq!((refused.path.to_string().as_str(), refused.combined), ("kapacitor.extra-config", false));
    assert!(refused.bytes > UserData::MAX_BYTES && refused.to_string().contains(&refused.bytes.to_string()), "{refused}");
    let it = Cluster { user_data: Some(UserData::new(padding + "\n\n").unwrap()), ..booted(None) };
    let refused = desire(&AdmittedSpec::seal(it, "d".repeat(64))).unwrap_err();
    assert_eq!((refused.path.to_string().as_str(), refused.combined), ("user-data", true));
}
