//! Every shipped policy, as a component in the real host: on a config that breaks it, with the rules that it declares, at their paths; and on one that
//! does not. What each rule and setting means in every detail the policies' own native tests say.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

mod reference;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use kaphost_tests::{Kaphost, Run, Set};
use serde_json::{Value, json};

/// Breaks no policy of the catalogue.
const SOUND: &str = r##"cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    tenancy "dedicated"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111" "subnet-0bbb2222"
    }
    ssh key="ops" {
        allow cidr="10.0.0.0/8" description="office"
    }
    http {
        allow cidr="10.0.0.0/8" description="dashboards"
    }
    egress {
        allow cidr="10.0.0.0/8" description="everything inside"
    }
    root-volume size=50
    volume "/dev/xvdh" size=100
    scaling {
        health-check "elb"
    }
    iam {
        inline-policy "read-config" #"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::config/*"}]}"#
    }
    tag "Owner" "metrics@example.com"
    tag "CostCenter" "4711"
}
"##;

/// What a policy does with a config that breaks it.
enum Does {
    /// Refuses it: `rule @ path` of each violation.
    Refuses(&'static [&'static str]),
    /// Rewrites it: `rule @ path` of each change.
    Rewrites(&'static [&'static str]),
}
use Does::{Refuses, Rewrites};

/// One policy and one way to break it.
struct Case {
    policy: &'static str,
    /// As given with `--set`, for the sound config too.
    settings: &'static str,
    /// What stands in the sound config, and what stands in its place in the broken one.
    broken: &'static [(&'static str, &'static str)],
    does: Does,
}

const CASES: &[Case] = &[
    Case {
        policy: "allowed-regions",
        settings: "--set allowed-regions=eu-,us-east-1",
        broken: &[("us-east-1", "us-west-2")],
        does: Refuses(&["region-not-allowed @ region"]),
    },
    Case {
        policy: "ami-origin",
        settings: "--set ami-created-after=2026-01-01 --set ami-name-prefixes=kapacitor-",
        broken: &[],
        // The facts of the broken one are about an old image of somebody else's.
        does: Refuses(&["ami-owner @ ami", "ami-too-old @ ami", "ami-name @ ami"]),
    },
    Case {
        policy: "baseline",
        settings: "",
        broken: &[("tenancy \"dedicated\"", "tenancy \"default\""), ("root-volume size=50", "root-volume size=50 encrypted=#false")],
        does: Rewrites(&["encrypted-volumes @ root-volume.encrypted", "dedicated-tenancy @ tenancy"]),
    },
    Case {
        policy: "baseline",
        settings: "",
        broken: &[("\"10.0.0.0/8\" description=\"office\"", "\"0.0.0.0/0\""), ("tag \"Owner\"", "tag \"owner\"")],
        does: Refuses(&["no-world-ssh @ ssh.allow[\"0.0.0.0/0\"]", "required-tags @ tag[\"Owner\"]"]),
    },
    Case {
        policy: "dedicated-tenancy",
        settings: "",
        broken: &[("tenancy \"dedicated\"", "tenancy \"default\"")],
        does: Rewrites(&["dedicated-tenancy @ tenancy"]),
    },
    Case {
        policy: "encrypted-volumes",
        settings: "",
        broken: &[("root-volume size=50", "root-volume size=50 encrypted=#false"), ("size=100", "size=100 encrypted=#false")],
        does: Rewrites(&["encrypted-volumes @ root-volume.encrypted", "encrypted-volumes @ volume[\"/dev/xvdh\"].encrypted"]),
    },
    Case {
        policy: "health-checks",
        settings: "--set max-grace-period=600",
        broken: &[("health-check \"elb\"", "health-check \"ec2\"; health-check-grace-period \"2h\"")],
        does: Refuses(&["elb-health-check @ scaling.health-check", "grace-period-too-long @ scaling.health-check-grace-period"]),
    },
    Case {
        policy: "iam-least-privilege",
        settings: "",
        broken: &[
            ("iam {", "iam {\n        managed-policy \"arn:aws:iam::aws:policy/AdministratorAccess\""),
            (r#""Action": "s3:GetObject", "Resource": "arn:aws:s3:::config/*""#, r#""Action": ["s3:*", "iam:PassRole"], "Resource": "*""#),
        ],
        does: Refuses(&[
            "no-administrator @ iam.managed-policy[\"arn:aws:iam::aws:policy/AdministratorAccess\"]",
            "no-wildcard-action @ iam.inline-policy[\"read-config\"]",
            "no-wildcard-pass-role @ iam.inline-policy[\"read-config\"]",
        ]),
    },
    Case {
        policy: "imdsv2",
        settings: "",
        broken: &[("root-volume size=50", "root-volume size=50\n    metadata tokens=\"optional\" hop-limit=2")],
        does: Rewrites(&["imds-hop-limit @ metadata.hop-limit", "imdsv2 @ metadata.tokens"]),
    },
    Case {
        policy: "instance-types",
        settings: "--set allowed-instance-types=t3,m7i.large",
        broken: &[("t3.small", "p5.48xlarge")],
        does: Refuses(&["instance-type-not-allowed @ instance-type"]),
    },
    Case {
        policy: "multi-zone",
        settings: "",
        broken: &[("\"subnet-0aaa1111\" \"subnet-0bbb2222\"", "\"subnet-0aaa1111\"")],
        does: Refuses(&["multi-zone @ network.subnets"]),
    },
    Case {
        policy: "no-public-ip",
        settings: "",
        broken: &[("vpc=\"vpc-0a1b2c3d\"", "vpc=\"vpc-0a1b2c3d\" public-ip=#true")],
        does: Rewrites(&["no-public-ip @ network.public-ip"]),
    },
    Case {
        policy: "no-secrets-in-user-data",
        settings: "",
        // Given by itself no policy is shown user data.
        broken: &[("root-volume size=50", "root-volume size=50\n    user-data \"#!/bin/sh\\necho ready\\n\"")],
        does: Refuses(&["user-data-unseen @ user-data"]),
    },
    Case {
        policy: "no-secrets-in-user-data",
        settings: "",
        broken: &[(
            "root-volume size=50",
            "root-volume size=50\n    kapacitor {\n        influxdb \"https://a\"\n        extra-config \"[slack]\\ntoken = 'hunter2'\\n\"\n    }",
        )],
        does: Refuses(&["secret-in-kapacitor-config @ kapacitor.extra-config"]),
    },
    Case {
        policy: "org",
        settings: "",
        broken: &[("tenancy \"dedicated\"", "tenancy \"default\""), ("root-volume size=50", "root-volume size=50 encrypted=#false")],
        does: Rewrites(&["encrypted-volumes @ root-volume.encrypted", "dedicated-tenancy @ tenancy"]),
    },
    Case {
        policy: "org",
        settings: "--set parts=restrict-egress,no-public-ip,allowed-regions --set allowed-regions=us-east-1",
        broken: &[
            ("\"10.0.0.0/8\" description=\"everything inside\"", "\"::/0\" description=\"everything\""),
            ("tag \"Owner\"", "tag \"owner\""),
        ],
        does: Refuses(&["required-tags @ tag[\"Owner\"]", "no-world-egress @ egress[\"::/0\"]"]),
    },
    Case {
        policy: "private-subnets",
        settings: "",
        broken: &[],
        // In the facts of the broken one a subnet hands out addresses.
        does: Refuses(&["private-subnets @ network.subnets[\"subnet-0bbb2222\"]"]),
    },
    Case {
        policy: "required-tags",
        settings: "--set required-tags=Owner,CostCenter --set tag-values=CostCenter=4711",
        broken: &[("tag \"Owner\" \"metrics@example.com\"", ""), ("4711", "4712")],
        does: Refuses(&["required-tags @ tag[\"Owner\"]", "tag-value-not-allowed @ tag[\"CostCenter\"]"]),
    },
    Case {
        policy: "required-tags",
        settings: "--set tag-defaults=Owner=platform@example.com",
        broken: &[("tag \"Owner\" \"metrics@example.com\"", "")],
        does: Rewrites(&["required-tags @ tag[\"Owner\"]", "required-tags @ tag[\"Owner\"].propagate"]),
    },
    Case {
        policy: "restrict-egress",
        settings: "--set egress-open-ports=443",
        broken: &[("    egress {\n        allow cidr=\"10.0.0.0/8\" description=\"everything inside\"\n    }\n", "")],
        does: Refuses(&["no-world-egress @ egress[\"0.0.0.0/0\"]"]),
    },
    Case {
        policy: "restrict-ingress",
        settings: "",
        broken: &[
            ("\"10.0.0.0/8\" description=\"office\"", "\"10.0.0.0/7\""),
            ("\"10.0.0.0/8\" description=\"dashboards\"", "\"0.0.0.0/0\""),
        ],
        does: Refuses(&["ingress-range-too-wide @ ssh.allow[\"10.0.0.0/7\"]", "no-world-ingress @ http.allow[\"0.0.0.0/0\"]"]),
    },
    Case {
        policy: "restrict-ssh",
        settings: "",
        broken: &[("\"10.0.0.0/8\" description=\"office\"", "\"::/0\"")],
        does: Refuses(&["no-world-ssh @ ssh.allow[\"::/0\"]"]),
    },
    Case {
        policy: "restrict-ssh",
        settings: "--set narrow=true --set allowed-cidrs=10.0.0.0/8",
        broken: &[("\"10.0.0.0/8\" description=\"office\"", "\"0.0.0.0/0\" description=\"office\"")],
        does: Rewrites(&["no-world-ssh @ ssh.allow[\"0.0.0.0/0\"].description", "no-world-ssh @ ssh.allow[\"10.0.0.0/8\"].description"]),
    },
    Case {
        policy: "rule-descriptions",
        settings: "",
        // What kaphost writes in their place is known to the policy.
        broken: &[
            (" description=\"office\"", ""),
            (" description=\"dashboards\"", ""),
            (" description=\"everything inside\"", " ports=\"443\""),
        ],
        does: Refuses(&[
            "rule-described @ ssh.allow[\"10.0.0.0/8\"].description",
            "rule-described @ http.allow[\"10.0.0.0/8\"].description",
            "rule-described @ egress[\"10.0.0.0/8\"].description",
        ]),
    },
    Case {
        policy: "rule-descriptions",
        settings: "",
        broken: &[("    egress {\n        allow cidr=\"10.0.0.0/8\" description=\"everything inside\"\n    }\n", "")],
        does: Refuses(&["rule-described @ egress[\"0.0.0.0/0\"].description"]),
    },
];

/// What AWS would say of the config; sound, or with all that a policy may object to.
fn facts(sound: bool, subnets: &[&str]) -> Value {
    let (owner, name, created) = if sound {
        ("123456789012", "kapacitor-1.7.7", "2026-03-14T15:09:26.000Z")
    } else {
        ("999999999999", "free-kapacitor", "2019-03-14T15:09:26.000Z")
    };
    let subnet = |id: &&str| {
        let (zone, cidr, public) =
            if *id == "subnet-0aaa1111" { ("us-east-1a", "10.0.0.0/20", false) } else { ("us-east-1b", "10.0.16.0/20", !sound) };
        json!({ "id": id, "zone": zone, "cidr": cidr, "auto-public-ip": public })
    };
    json!({
        "account": "123456789012",
        "ami": {
            "id": "ami-0abcd1234abcd1234", "owner": owner, "name": name, "created": created,
            "architecture": "x86_64", "root-device": "/dev/xvda",
        },
        "subnets": subnets.iter().map(subnet).collect::<Vec<_>>(),
        "vpc": { "id": "vpc-0a1b2c3d", "cidrs": ["10.0.0.0/16"], "is-default": false },
    })
}

/// The names of all policies here, each once.
fn policies() -> BTreeSet<&'static str> {
    CASES.iter().map(|case| case.policy).collect()
}

/// kaphost with every policy in its folder. Shared by the cases of a test: each policy is compiled once.
fn laid_out() -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    for policy in policies() {
        kaphost.give(policy, &format!("{policy}.wasm")).unwrap();
    }
    kaphost
}

/// What `check` says of a config and its facts.
fn check(kaphost: &Kaphost, arguments: &str, config: &str, sound: bool) -> Run {
    kaphost.write("cluster.kdl", config).unwrap();
    let subnets: Vec<&str> = ["subnet-0aaa1111", "subnet-0bbb2222"].into_iter().filter(|id| config.contains(id)).collect();
    kaphost.write("facts.json", &facts(sound, &subnets).to_string()).unwrap();
    kaphost.run_narrow(&format!("check cluster.kdl {arguments} --facts facts.json --output json")).unwrap()
}

fn document(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"))
}

/// `rule @ path` of each.
fn said(list: &Value) -> Vec<String> {
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_else(|| panic!("no {field}: {value}")).to_owned();
    list.as_array()
        .unwrap_or_else(|| panic!("no list: {list}"))
        .iter()
        .map(|one| format!("{} @ {}", text(one, "rule"), text(one, "path")))
        .collect()
}

#[test]
fn every_shipped_policy_is_here_and_in_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-policies");
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let crates = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.path().join("Cargo.toml").is_file());
    let mut shipped: BTreeSet<String> = crates.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert!(shipped.remove("sdk"));
    let here: BTreeSet<String> = policies().into_iter().map(str::to_owned).collect();
    assert_eq!(shipped, here);
    for policy in here {
        assert!(readme.contains(&format!("| [`{policy}`]({policy}) |")), "{policy} is not in the table of the guests' README");
    }
}

/// First the broken config, then the sound one; at last the sound one with all policies side by side.
#[test]
fn each_does_what_it_says_and_lets_a_sound_config_pass_untouched() {
    let kaphost = laid_out();
    for case in CASES {
        let arguments = format!("--policy {}.wasm {}", case.policy, case.settings);
        let config = case.broken.iter().fold(SOUND.to_owned(), |config, (sound, broken)| {
            assert!(config.contains(sound), "{}: {sound:?} is not in {config}", case.policy);
            config.replacen(sound, broken, 1)
        });
        let run = check(&kaphost, &arguments, &config, false);
        let (code, list, expected) = match case.does {
            Refuses(expected) => (3, "/violations", expected),
            Rewrites(expected) => (0, "/decision/changes", expected),
        };
        assert_eq!(run.code, Some(code), "{}: {run}", case.policy);
        assert_eq!(said(document(&run).pointer(list).unwrap_or(&Value::Null)), expected, "{}: {run}", case.policy);
        untouched(&check(&kaphost, &arguments, SOUND, true));
    }
    let all: Vec<String> = policies().into_iter().map(|policy| format!("--policy {policy}.wasm")).collect();
    // A bare setting would reach `org` as well, whose parts of these names are not switched on.
    let settings = "--set allowed-regions:allowed-regions=us-east-1 --set instance-types:allowed-instance-types=t3";
    untouched(&check(&kaphost, &format!("{} {settings}", all.join(" ")), SOUND, true));
}

fn untouched(run: &Run) {
    assert_eq!(run.code, Some(0), "{run}");
    let decision = &document(run)["decision"];
    assert_eq!((&decision["changes"], &decision["violations"]), (&json!([]), &json!([])), "{run}");
}

/// Facts are never made up: a policy that needs them does not run without.
#[test]
fn those_that_need_facts_say_so() {
    for policy in ["ami-origin", "multi-zone", "private-subnets"] {
        let kaphost = Kaphost::offline().unwrap();
        kaphost.write("cluster.kdl", SOUND).unwrap();
        kaphost.give(policy, "policy.wasm").unwrap();
        let run = kaphost.run_narrow("check cluster.kdl --policy policy.wasm").unwrap();
        assert_eq!(run.code, Some(4), "{policy}: {run}");
        assert!(run.stderr.contains("missing-facts") && run.stderr.contains("--facts"), "{policy}: {run}");
    }
}

/// What a policy set grants is seen: then it is the text that is judged, and nothing of it is told.
#[test]
fn user_data_that_a_set_grants_is_judged_by_its_text() {
    let kaphost = Kaphost::offline().unwrap();
    let set = Set::at(kaphost.folder().join("org.kdl"));
    set.with_built("no-secrets-in-user-data", "mandatory", &["user-data"]).unwrap().write().unwrap();
    for (script, expected) in
        [(r"#!/bin/sh\necho ready\n", &[][..]), (r"#!/bin/sh\nexport DB_PASSWORD=hunter2\n", &["secret-in-user-data @ user-data"])]
    {
        let node = format!("root-volume size=50\n    user-data \"{script}\"");
        kaphost.write("cluster.kdl", &SOUND.replace("root-volume size=50", &node)).unwrap();
        let run = kaphost.run_narrow("check cluster.kdl --policy org.kdl --output json").unwrap();
        assert_eq!(run.code, Some(if expected.is_empty() { 0 } else { 3 }), "{script}: {run}");
        assert_eq!(said(&document(&run)["decision"]["violations"]), expected, "{script}: {run}");
        assert!(!run.to_string().contains("hunter2"), "{run}");
    }
}

#[test]
fn the_contract_is_on_its_page_as_it_is() {
    reference::held_to("contract.md", &reference::contract::page());
}

#[test]
fn each_policy_is_on_its_page_as_it_describes_itself() {
    let kaphost = laid_out();
    let inspected: Vec<Value> = policies()
        .into_iter()
        .map(|policy| document(&kaphost.run_narrow(&format!("policy inspect {policy}.wasm --output json")).unwrap()))
        .collect();
    for policy in &inspected {
        reference::held_to(&format!("policies/{}.md", policy["name"].as_str().unwrap()), &reference::policies::page(policy));
    }
    reference::held_to("policies/README.md", &reference::policies::index(&inspected));
}
