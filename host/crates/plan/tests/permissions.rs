//! The IAM document of a plan, held against AWS's own list of what each action takes (`authorization.json`), and against IAM's limits.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::collections::BTreeSet;

use crate::support::{applied, cidr, cluster, desired, empty, plan};
use kaphost_plan::preflight::Inquiry;
use kaphost_plan::{Desired, MANAGED_POLICY_CHARACTERS, Observed, Permissions, Plan, Query, Reads, destroy, query};
use kaphost_spec::facts::{FactKind, FactsQuery};
use kaphost_spec::{Ami, Cluster, EgressRule, Http, RolloutStrategy, Spot};
use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";

/// As it is printed: in IAM's own order.
fn printed(document: &Value) -> String {
    let mut out = String::new();
    for statement in statements(document) {
        out.push_str(&format!("{}\n", statement["Sid"].as_str().unwrap()));
        for action in list(&statement["Action"]) {
            out.push_str(&format!("  {action}\n"));
        }
        for resource in list(&statement["Resource"]) {
            out.push_str(&format!("    on {resource}\n"));
        }
        for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
            for (key, values) in keys.as_object().unwrap() {
                out.push_str(&format!("    if {operator} {key} {}\n", list(values).join(" ")));
            }
        }
    }
    out
}

/// What an inline policy of a role may have, white space not counted.
const INLINE: usize = 10_240;

fn of(plan: &Plan, observed: &Observed, reads: &Reads) -> Value {
    let mut permissions = Permissions::of(ACCOUNT);
    permissions.add(plan, observed, reads);
    let document = serde_json::to_value(&permissions).unwrap();
    held_to_aws(&document);
    document
}

fn of_apply(desired: &Desired, observed: &Observed) -> Value {
    let reads = Reads {
        query: query(desired, None),
        facts: FactsQuery::default(),
        preflight: Inquiry::default(),
        refreshes: false,
        activity: false,
    };
    of(&plan(desired, observed), observed, &reads)
}

fn of_destroy(observed: &Observed, names: &kaphost_plan::Names, detach: bool) -> Value {
    let reads = Reads {
        query: Query::for_destroy(names.clone()),
        facts: FactsQuery::default(),
        preflight: Inquiry::default(),
        refreshes: false,
        activity: false,
    };
    of(&destroy(names, observed, detach).unwrap(), observed, &reads)
}

/// From the sample as applied to the sample as changed.
fn after(change: impl FnOnce(&mut Cluster)) -> Value {
    let mut changed = cluster();
    change(&mut changed);
    of_apply(&desired(&changed), &applied(&cluster()))
}

fn list(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().map(|one| one.as_str().unwrap()).collect(),
        _ => panic!("{value}"),
    }
}

fn statements(document: &Value) -> &Vec<Value> {
    document["Statement"].as_array().unwrap()
}

fn actions(document: &Value) -> BTreeSet<&str> {
    statements(document).iter().flat_map(|statement| list(&statement["Action"])).collect()
}

/// Whether an ARN of the document is one of this kind: `${…}` stands for any text without a colon.
fn is_of_kind(arn: &str, pattern: &str) -> bool {
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (arn, pattern) = (parts(arn), parts(pattern));
    let fits = |(at, (part, wanted)): (usize, (&String, &String))| match wanted.find("${") {
        None => part == wanted,
        // Public parameters are in no account.
        Some(0) if at < 5 => !part.is_empty() || pattern[2] == "ssm",
        Some(start) => part.starts_with(&wanted[..start]) && part.len() > start,
    };
    arn.len() == pattern.len() && arn.iter().zip(&pattern).enumerate().all(fits)
}

fn size(document: &Value) -> usize {
    document.to_string().chars().filter(|c| !c.is_whitespace()).count()
}

/// Every action is one of AWS's, every resource one that an action of the statement takes, every condition one that AWS knows for them.
fn held_to_aws(document: &Value) {
    let aws: Value = serde_json::from_str(include_str!("authorization.json")).unwrap();
    let mut sids = BTreeSet::new();
    for statement in statements(document) {
        let sid = statement["Sid"].as_str().unwrap();
        assert!(sids.insert(sid), "{sid} twice: {document:#}");
        assert!(sid.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{sid}");
        assert_eq!(statement["Effect"], "Allow");
        let resources = list(&statement["Resource"]);
        let mut taken = BTreeSet::new();
        for action in list(&statement["Action"]) {
            let known = &aws["actions"][action];
            assert!(known.is_object(), "AWS has no {action}, or the list lacks it");
            let service = action.split(':').next().unwrap();
            let kinds = list(&known["resources"]);
            let mut used = Vec::new();
            for resource in &resources {
                let kind = |kind: &&&str| is_of_kind(resource, aws["resources"][format!("{service}:{kind}")]["arn"].as_str().unwrap());
                if let Some(kind) = kinds.iter().find(kind) {
                    used.push(*kind);
                    taken.insert(*resource);
                }
                if *resource == "*" {
                    assert!(kinds.is_empty(), "{action} takes a resource: {statement:#}");
                    taken.insert("*");
                }
            }
            assert!(kinds.is_empty() || !used.is_empty(), "{action} takes none of these: {statement:#}");
            for key in statement["Condition"].as_object().into_iter().flatten().flat_map(|(_, keys)| keys.as_object().unwrap().keys()) {
                let generic = match key.split_once('/') {
                    Some((name, _)) => format!("{name}/${{TagKey}}"),
                    None => key.clone(),
                };
                let of_action = list(&known["keys"]).contains(&generic.as_str());
                let of_resources =
                    used.iter().all(|kind| list(&aws["resources"][format!("{service}:{kind}")]["keys"]).contains(&generic.as_str()));
                assert!(of_action || of_resources, "AWS knows no {key} for {action}: {statement:#}");
            }
        }
        assert!(resources.iter().all(|resource| taken.contains(resource)), "a resource that no action takes: {statement:#}");
    }
    assert!(size(document) <= INLINE, "{} characters, and IAM takes {INLINE}: {document:#}", size(document));
}

#[test]
fn create() {
    let document = of_apply(&desired(&cluster()), &empty());
    insta::assert_snapshot!(printed(&document));
    assert!(size(&document) <= MANAGED_POLICY_CHARACTERS, "{}", size(&document));
}

/// In the order in which IAM's own documentation has it.
#[test]
fn it_is_written_as_iam_documents_it() {
    let mut permissions = Permissions::of(ACCOUNT);
    let names = desired(&cluster()).names;
    let reads = Reads {
        query: Query::for_destroy(names.clone()),
        facts: FactsQuery::default(),
        preflight: Inquiry::default(),
        refreshes: false,
        activity: false,
    };
    permissions.add(&destroy(&names, &empty(), false).unwrap(), &empty(), &reads);
    insta::assert_snapshot!(serde_json::to_string_pretty(&permissions).unwrap());
}

#[test]
fn nothing_to_do_writes_nothing() {
    let document = after(|_| ());
    insta::assert_snapshot!(printed(&document));
    let writes = |action: &&&str| !["Describe", "Get", "List"].iter().any(|read| action.split(':').nth(1).unwrap().starts_with(read));
    assert_eq!(actions(&document).iter().filter(writes).count(), 0);
}

#[test]
fn another_rule() {
    insta::assert_snapshot!(printed(&after(|cluster| cluster.ssh.allow.extend([cidr("172.16.0.0/12", "vpn")]))));
}

#[test]
fn a_rollout() {
    let document = after(|cluster| cluster.instance_type = "m5.large".parse().unwrap());
    insta::assert_snapshot!(printed(&document));
}

#[test]
fn destroying() {
    let names = desired(&cluster()).names;
    insta::assert_snapshot!(printed(&of_destroy(&applied(&cluster()), &names, false)));
    // What is gone needs nothing but a look.
    let nothing = of_destroy(&empty(), &names, false);
    assert_eq!(statements(&nothing).len(), 3, "{nothing:#}");
}

/// Everything that a config can say: the longest document there is.
fn everything() -> Cluster {
    let mut all = cluster();
    all.ami = Ami::Ssm("/aws/service/canonical/ubuntu".to_owned());
    all.spot = Some(Spot { max_price: None });
    all.iam.profile_path = "/metrics/kapacitor/".parse().unwrap();
    all.iam.boundary = Some("arn:aws:iam::aws:policy/PowerUserAccess".parse().unwrap());
    all.iam.managed_policies =
        (0..4).map(|number| format!("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore{number}").parse().unwrap()).collect();
    all.iam.inline_policies.insert("read".to_owned(), "{}".to_owned());
    all.egress = [("10.0.0.0/8".parse().unwrap(), EgressRule { ports: Some((443, 443)), description: "proxy".to_owned() })].into();
    all.http = Http { security_group: Some("sg-0ccccccc".parse().unwrap()), ..all.http };
    all
}

#[test]
fn everything_that_a_config_can_say_fits_and_nothing_is_wide() {
    let desired = desired(&everything());
    let kinds = [FactKind::Account, FactKind::Ami, FactKind::Subnets, FactKind::Vpc].into();
    let reads = Reads {
        query: query(&desired, None),
        facts: FactsQuery::of(&everything(), &kinds),
        preflight: Inquiry::everything(&desired),
        refreshes: true,
        activity: false,
    };
    let document = of(&plan(&desired, &empty()), &empty(), &reads);
    insta::assert_snapshot!(printed(&document));
    for statement in statements(&document) {
        let wide = list(&statement["Resource"]).contains(&"*");
        assert_eq!(wide, statement["Sid"] == "Describe", "{statement:#}");
        // Whatever may be any of its kind is narrowed by a condition, or is a part of the server that is yet to be.
        let any = |arn: &&str| arn.ends_with("/*") && !arn.contains(":network-interface/") && !arn.contains(":volume/");
        let open = list(&statement["Resource"]).iter().any(any) && statement["Condition"].is_null();
        assert!(!open, "{statement:#}");
    }
}

#[test]
fn what_is_taken_away_again() {
    let mut before = everything();
    before.ami = cluster().ami;
    let observed = applied(&before);
    let mut after = before.clone();
    after.iam.managed_policies.clear();
    after.iam.inline_policies.clear();
    after.iam.boundary = None;
    after.http.security_group = Some("sg-0ddddddd".parse().unwrap());
    after.tags.clear();
    after.egress = cluster().egress;
    after.rollout.strategy = RolloutStrategy::LaunchFirst;
    insta::assert_snapshot!(printed(&of_apply(&desired(&after), &observed)));
}

/// One document for several clusters: what holds for all of them is said once.
#[test]
fn several_clusters_share_what_is_the_same() {
    let mut other = cluster();
    other.name = "kapacitor-prod".parse().unwrap();
    let mut permissions = Permissions::of(ACCOUNT);
    for cluster in [&cluster(), &other] {
        let desired = desired(cluster);
        let reads = Reads {
            query: query(&desired, None),
            facts: FactsQuery::default(),
            preflight: Inquiry::default(),
            refreshes: false,
            activity: false,
        };
        permissions.add(&plan(&desired, &empty()), &empty(), &reads);
    }
    let document = serde_json::to_value(&permissions).unwrap();
    assert_eq!(statements(&document).iter().filter(|it| it["Resource"] == json!("*")).count(), 1, "{document:#}");
    let sids: Vec<&str> = statements(&document).iter().map(|it| it["Sid"].as_str().unwrap()).collect();
    assert!(sids.contains(&"CreateRole") && sids.contains(&"CreateRole2"), "{sids:?}");
}
