//! Facts for policies.

use std::collections::BTreeSet;

use kaphost_apply::{Cloud as _, ErrorKind};
use kaphost_lab::{CallKind, Lab};
use kaphost_spec::Ami;
use kaphost_spec::facts::{FactKind, Facts, FactsQuery};

use crate::support::{REGION, cluster, config};

fn kinds() -> BTreeSet<FactKind> {
    BTreeSet::from([FactKind::Account, FactKind::Ami, FactKind::Subnets, FactKind::Vpc])
}

fn all() -> FactsQuery {
    FactsQuery::of(&cluster(&config(&[], "")), &kinds())
}

#[tokio::test]
async fn any_well_formed_id_has_facts_and_always_the_same() {
    let facts = Lab::new(REGION).facts(&all()).await.unwrap();
    assert_eq!(all().missing(&facts), []);
    assert_eq!(facts.misfits(&cluster(&config(&[], ""))), []);
    assert_eq!(facts.mistakes(), Vec::<String>::new());
    assert_eq!(facts.account.as_deref(), Some("123456789012"));
    let zones: BTreeSet<&str> = facts.subnets.iter().map(|subnet| subnet.zone.as_str()).collect();
    assert!(zones.iter().all(|zone| zone.starts_with(REGION)), "{zones:?}");
    assert_eq!(Lab::new(REGION).facts(&all()).await.unwrap(), facts);
}

#[tokio::test]
async fn a_file_says_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lab.json");
    let text = r#"{ "kaphost-lab": 1, "account": "200000000001", "regions": { "us-east-1": {
        "images": {
            "ami-0abcd1234": { "owner": "099720109477", "name": "ubuntu", "created": "2026-08-01T00:00:00.000Z", "architecture": "arm64" },
            "ami-01": { "name": "kapacitor-1", "created": "2026-08-01T00:00:00.000Z" },
            "ami-02": { "name": "kapacitor-2", "created": "2026-09-01T00:00:00.000Z" },
            "ami-03": { "name": "kapacitor-3", "created": "2026-10-01T00:00:00.000Z", "owner": "099720109477" },
            "ami-04": null
        },
        "subnets": { "subnet-0aaa": { "zone": "us-east-1f", "cidr": "10.7.0.0/24", "auto-public-ip": true }, "subnet-0bbb": null },
        "vpcs": { "vpc-0a1b": { "cidrs": ["10.8.0.0/16", "10.7.0.0/16"], "is-default": true } }
    } } }"#;
    std::fs::write(&file, text).unwrap();
    let lab = Lab::open(&file, REGION).unwrap();
    let facts = lab.facts(&all()).await.unwrap();
    let json = serde_json::json!({
        "account": "200000000001",
        "ami": {
            "id": "ami-0abcd1234", "owner": "099720109477", "name": "ubuntu", "created": "2026-08-01T00:00:00.000Z", "architecture": "arm64",
            "root-device": "/dev/xvda"
        },
        "subnets": [{ "id": "subnet-0aaa", "zone": "us-east-1f", "cidr": "10.7.0.0/24", "auto-public-ip": true }],
        "vpc": { "id": "vpc-0a1b", "cidrs": ["10.7.0.0/16", "10.8.0.0/16"], "is-default": true }
    });
    assert_eq!(serde_json::to_value(&facts).unwrap(), json);
    let missing: Vec<String> = all().missing(&facts).iter().map(ToString::to_string).collect();
    assert_eq!(missing, ["there is no subnet `subnet-0bbb`"]);

    let found = async |owner: &str, name: &str| {
        let ami = Some(Ami::Lookup { owner: owner.into(), name: name.into() });
        lab.facts(&FactsQuery { ami, ..FactsQuery::default() }).await.unwrap().ami.map(|image| image.id)
    };
    assert_eq!(found("self", "kapacitor-?").await.as_deref(), Some("ami-02"));
    assert_eq!(found("099720109477", "*").await.as_deref(), Some("ami-03"));
    assert_eq!(found("self", "influxdb-*").await, None);
}

#[tokio::test]
async fn reads_are_logged_and_refused_like_any() {
    let lab = Lab::new(REGION);
    lab.refuse("facts", ErrorKind::AccessDenied, 1);
    assert_eq!(lab.facts(&all()).await.unwrap_err().kind, ErrorKind::AccessDenied);
    assert_eq!(lab.facts(&FactsQuery::default()).await, Ok(Facts::default()));
    assert_eq!((lab.log().count(CallKind::Facts), lab.log().count(CallKind::Observe)), (2, 0));
}
