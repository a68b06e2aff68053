//! Who has signed a plan or a record: keys that openssl has made, envelopes that any tool reads, and each way in which a signature does not hold, told by name.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kaphost_tests::{Kaphost, Run};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const CONFIG: &str = r#"cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111"
    }
    user-data "echo hunter2"
}
"#;

/// Made by `openssl genpkey -algorithm ed25519` and `openssl pkey -pubout`, for tests and nothing else.
const KEYS: [(&str, &str); 2] = [
    (
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEICrTKbG04r6ZPs9QOfcTlbrd/7gXWN0AwTYCQdV8gkGs\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEACdqwjhbhuP7vZQ8RqsGlZKN/QnC4QIHT9cDNh01BL7U=\n-----END PUBLIC KEY-----\n",
    ),
    (
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEICzi2wVUIbRbh+BPtL2cK3AJRotPHbRP+IMWGn6PvEAP\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA4D+9aUVHBGhCVPyzmlbB3oPIUtZavkRU8FVn8e/lNZE=\n-----END PUBLIC KEY-----\n",
    ),
];
/// `openssl genpkey -algorithm ed25519 -aes256`
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\n\
    MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhESWui9t5n+gICCAAw\n\
    DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEK3dDFsN2UZFYyj+ScgKlI8EQCO4\n\
    BOhAMipDJz7cYVLMNWoMVKSFqXBAt+7FZfqGmMiilGobWha5CvilZERtOIEhIiSx\n\
    nwMiUiWbV4LOUC475Dk=\n\
    -----END ENCRYPTED PRIVATE KEY-----\n";
/// `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`
const CURVE: &str = "-----BEGIN PRIVATE KEY-----\n\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgVYhNKbq6mRwwFMwE\n\
    xwP9Fvcl40BN96xRBBRy/SVQCq2hRANCAARZsaQgjUd697PbR1HZLhBpPbE8TQQF\n\
    +4hx0h6dvdAjl4JyAXk9ec6gqLbHBb1QeSHSIDE6DdsWDJJgFrvtUl+K\n\
    -----END PRIVATE KEY-----\n";
/// `openssl pkey -pubout` of it.
const CURVE_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWbGkII1Hevez20dR2S4QaT2xPE0E\n\
    BfuIcdIenb3QI5eCcgF5PXnOoKi2xwW9UHkh0iAxOg3bFgySYBa77VJfig==\n\
    -----END PUBLIC KEY-----\n";

const PLAN: &str = "plan cluster.kdl --cloud lab:lab.json --out p.kapplan";
const APPLY: &str = "apply p.kapplan --cloud lab:lab.json";

fn kaphost() -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("cluster.kdl", CONFIG).unwrap();
    for ((private, public), name) in KEYS.iter().zip(["a", "b"]) {
        kaphost.write(&format!("{name}.pem"), private).unwrap();
        kaphost.write(&format!("{name}.pub"), public).unwrap();
    }
    for (name, text) in [("encrypted.pem", ENCRYPTED), ("curve.pem", CURVE), ("curve.pub", CURVE_PUBLIC), ("no.pem", "no")] {
        kaphost.write(name, text).unwrap();
    }
    kaphost
}

fn run(kaphost: &Kaphost, code: i32, arguments: &str) -> Run {
    let run = kaphost.run(arguments.split_whitespace()).unwrap();
    assert_eq!(run.code, Some(code), "{arguments}: {run}");
    assert!(!run.to_string().contains("hunter2") && !run.to_string().contains("MC4CAQAw"), "{run}");
    run
}

fn read(kaphost: &Kaphost, name: &str) -> String {
    fs::read_to_string(kaphost.folder().join(name)).unwrap()
}

fn reasons(run: &Run) -> Vec<String> {
    let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}"));
    let list = ["reasons", "problems"].into_iter().find_map(|name| document[name].as_array()).unwrap().clone();
    list.iter().map(|problem| format!("{}: {}", problem["code"].as_str().unwrap(), problem["message"].as_str().unwrap())).collect()
}

fn holds(kaphost: &Kaphost) -> bool {
    fs::read_to_string(kaphost.folder().join("lab.json")).is_ok_and(|lab| lab.contains("kapacitor-stage"))
}

#[test]
fn a_signed_plan_is_verified_and_applied() {
    let kaphost = kaphost();
    run(&kaphost, 0, &format!("{PLAN} --sign a.pem --sign b.pem"));
    let envelope: Value = serde_json::from_str(&read(&kaphost, "p.kapplan.sig")).unwrap();
    assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");
    assert_eq!(envelope["signatures"].as_array().unwrap().len(), 2);
    let statement: Value = serde_json::from_slice(&STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap()).unwrap();
    let digest: String = Sha256::digest(read(&kaphost, "p.kapplan")).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["subject"], json!([{ "name": "p.kapplan", "digest": { "sha256": digest } }]), "what sha256sum says");
    assert_eq!(statement["predicateType"], "urn:kaphost:decision:1");
    let decision = &statement["predicate"]["clusters"][0];
    assert_eq!(
        (&decision["cluster"], &decision["verdict"], &decision["policies"]),
        (&json!("kapacitor-stage"), &json!("admitted"), &json!([]))
    );

    let verified = run(&kaphost, 0, "verify p.kapplan --key a.pub --key b.pub");
    assert!(verified.stdout.starts_with("✓ p.kapplan is signed by a.pub\n  kapacitor-stage admitted by no policy\n"), "{verified}");
    let document: Value = serde_json::from_str(&run(&kaphost, 0, "verify p.kapplan --key a.pub --output json").stdout).unwrap();
    assert_eq!(document["statements"], json!([statement]));
    fs::rename(kaphost.folder().join("p.kapplan.sig"), kaphost.folder().join("elsewhere.json")).unwrap();
    run(&kaphost, 6, "verify p.kapplan --key a.pub");
    run(&kaphost, 0, "verify p.kapplan --key a.pub --signature elsewhere.json");
    run(&kaphost, 0, &format!("{APPLY} --require-signature a.pub --require-signature b.pub --signature elsewhere.json"));
    assert!(holds(&kaphost));
}

/// The same bytes are checked by openssl, which knows nothing of kaphost.
#[test]
fn openssl_agrees_with_a_signature() {
    let kaphost = kaphost();
    run(&kaphost, 0, &format!("{PLAN} --sign a.pem"));
    let envelope: Value = serde_json::from_str(&read(&kaphost, "p.kapplan.sig")).unwrap();
    let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    let kind = envelope["payloadType"].as_str().unwrap();
    let signed = [format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes(), payload].concat();
    let signature = STANDARD.decode(envelope["signatures"][0]["sig"].as_str().unwrap()).unwrap();
    fs::write(kaphost.folder().join("signed"), signed).unwrap();
    fs::write(kaphost.folder().join("signature"), signature).unwrap();
    let arguments = ["pkeyutl", "-verify", "-pubin", "-inkey", "a.pub", "-rawin", "-in", "signed", "-sigfile", "signature"];
    match Command::new("openssl").args(arguments).current_dir(kaphost.folder()).output() {
        Ok(output) => assert!(output.status.success(), "{output:?}"),
        // Not on every machine: the crate's own tests hold the format against its specification.
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
    }
}

#[test]
fn a_record_is_signed_too_also_a_denial() {
    let kaphost = kaphost();
    run(&kaphost, 0, "check cluster.kdl --record record.json --sign a.pem");
    let verified = run(&kaphost, 0, "verify record.json --key a.pub");
    assert!(verified.stdout.contains("record.json is signed by a.pub\n  kapacitor-stage admitted by no policy"), "{verified}");
    run(&kaphost, 0, "replay record.json");
    run(&kaphost, 0, "apply cluster.kdl --cloud lab:lab.json --auto-approve --record applied.json --sign b.pem");
    run(&kaphost, 0, "verify applied.json --key b.pub");
    let other = run(&kaphost, 6, "verify applied.json --key b.pub --signature record.json.sig --output json");
    assert!(reasons(&other)[0].starts_with("other-key: "), "{other}");
}

/// One way in which a signature does not hold.
struct Case {
    what: &'static str,
    break_it: fn(&Kaphost),
    key: &'static str,
    says: &'static str,
}

fn envelope(kaphost: &Kaphost, change: impl FnOnce(&mut Value)) {
    let mut envelope: Value = serde_json::from_str(&read(kaphost, "p.kapplan.sig")).unwrap();
    change(&mut envelope);
    kaphost.write("p.kapplan.sig", &envelope.to_string()).unwrap();
}

const CASES: &[Case] = &[
    Case { what: "another key", break_it: |_| {}, key: "b.pub", says: "other-key: `p.kapplan.sig`: the key " },
    Case {
        what: "no envelope",
        break_it: |it| fs::remove_file(it.folder().join("p.kapplan.sig")).unwrap(),
        key: "a.pub",
        says: "unsigned: `p.kapplan` is not signed: there is no `p.kapplan.sig`",
    },
    Case {
        what: "something else",
        break_it: |it| drop(it.write("p.kapplan.sig", "no").unwrap()),
        key: "a.pub",
        says: "no-envelope: `p.kapplan.sig`: it is no DSSE envelope: line 1",
    },
    Case {
        what: "no signature",
        break_it: |it| envelope(it, |it| it["signatures"] = json!([])),
        key: "a.pub",
        says: "unsigned: `p.kapplan.sig`: nobody has signed it",
    },
    Case {
        what: "another type of payload",
        break_it: |it| envelope(it, |it| it["payloadType"] = json!("text/plain")),
        key: "a.pub",
        says: "other-payload: `p.kapplan.sig`: it holds \"text/plain\"",
    },
    Case {
        what: "another payload",
        break_it: |it| envelope(it, |it| it["payload"] = json!(STANDARD.encode("{}"))),
        key: "a.pub",
        says: "signature-altered: `p.kapplan.sig`: the signature that says it is of the key ",
    },
    Case {
        what: "a signature of something else",
        break_it: |it| {
            fs::rename(it.folder().join("p.kapplan"), it.folder().join("q.kapplan")).unwrap();
            run(it, 0, PLAN);
        },
        key: "a.pub",
        says: "other-subject: `p.kapplan.sig` is signed, and not about this file: it is about another (\"p.kapplan\")",
    },
    Case {
        what: "a plan of which a byte is another",
        break_it: |it| drop(it.write("p.kapplan", &read(it, "p.kapplan").replacen("t3.small", "t3.smalk", 1)).unwrap()),
        key: "a.pub",
        says: "",
    },
];

#[test]
fn a_signature_that_does_not_hold_is_told_by_name_and_nothing_is_applied() {
    for Case { what, break_it, key, says } in CASES {
        let kaphost = kaphost();
        run(&kaphost, 0, &format!("{PLAN} --sign a.pem"));
        break_it(&kaphost);
        for arguments in [format!("verify p.kapplan --key {key}"), format!("{APPLY} --require-signature {key}")] {
            let run = run(&kaphost, 6, &format!("{arguments} --output json"));
            let reasons = reasons(&run);
            assert!(reasons[0].starts_with(says), "{what}: {reasons:?}");
        }
        assert!(!holds(&kaphost), "{what}");
    }
}

#[test]
fn every_key_must_have_signed_and_each_that_has_not_is_named() {
    let kaphost = kaphost();
    run(&kaphost, 0, &format!("{PLAN} --sign a.pem"));
    run(&kaphost, 0, "verify p.kapplan --key a.pub");
    let both = run(&kaphost, 6, "verify p.kapplan --key a.pub --key b.pub --output json");
    assert_eq!(reasons(&both).len(), 1, "{both}");
    // The environment of a pipeline may ask for it, whatever the command line says.
    let mut command = kaphost.command();
    command.args(APPLY.split(' ')).env("KAPHOST_REQUIRE_SIGNATURE", "b.pub");
    assert_eq!(Run::of(&mut command).unwrap().code, Some(6));
    let mut command = kaphost.command();
    command.args(["apply", "cluster.kdl", "--cloud", "lab:lab.json", "--auto-approve"]).env("KAPHOST_REQUIRE_SIGNATURE", "a.pub");
    assert_eq!(Run::of(&mut command).unwrap().code, Some(6));
    assert!(!holds(&kaphost));
}

#[test]
fn what_is_no_key_says_what_it_is_before_anything_is_done() {
    let kaphost = kaphost();
    run(&kaphost, 0, &format!("{PLAN} --sign a.pem"));
    for (arguments, says) in [
        ("--sign nothing.pem", "the key `nothing.pem` does not exist"),
        ("--sign no.pem", "the key `no.pem` is no key in PEM"),
        ("--sign encrypted.pem", "the key `encrypted.pem` is encrypted"),
        ("--sign curve.pem", "the key `curve.pem` is no Ed25519 key"),
        ("--sign a.pub", "the key `a.pub` holds `PUBLIC KEY` where `PRIVATE KEY` is needed"),
    ] {
        let run = run(&kaphost, 1, &format!("{} {arguments} --output json", PLAN.replace("p.kapplan", "q.kapplan")));
        assert_eq!(reasons(&run), [format!("key: {says}")]);
        assert!(!kaphost.folder().join("q.kapplan").exists(), "{run}");
    }
    for (arguments, says) in [
        ("--key curve.pub", "the key `curve.pub` is no Ed25519 key"),
        ("--key a.pem", "the key `a.pem` holds `PRIVATE KEY` where `PUBLIC KEY` is needed"),
    ] {
        let run = run(&kaphost, 1, &format!("verify p.kapplan {arguments} --output json"));
        assert_eq!(reasons(&run), [format!("key: {says}")]);
    }
    let several = run(&kaphost, 1, &format!("{PLAN} --sign no.pem --sign encrypted.pem --output json"));
    assert_eq!(reasons(&several).len(), 2, "{several}");
    run(&kaphost, 64, "verify p.kapplan");
    run(&kaphost, 1, "verify nothing.kapplan --key a.pub");
    run(&kaphost, 1, "verify p.kapplan --key a.pub --signature nothing.sig");
}
