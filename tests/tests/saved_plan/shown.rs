//! How a saved plan reads, and what the commands that make and apply one do not take.

use kaphost_tests::Kaphost;

use super::{APPLY_SAVED, SAVE, saved, stage};

#[test]
fn a_saved_plan_reads_well() {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("cluster.kdl", SMALL).unwrap();
    kaphost.give("org", "org.wasm").unwrap();
    let run = |arguments: &str| {
        let run = kaphost.run_narrow(arguments).unwrap();
        assert_eq!(run.code, Some(0), "{run}");
        run.stdout
    };
    let planned = run("plan cluster.kdl --policy org.wasm --cloud lab:lab.json --out p.kapplan");
    assert!(planned.contains("\nSaved in p.kapplan, good until 2"), "{planned}");
    insta::assert_snapshot!("show", masked(&run("show p.kapplan")));
    insta::assert_snapshot!("show_json", masked(&run("show p.kapplan --output json")));
    let applied = run("apply p.kapplan --cloud lab:lab.json");
    assert!(applied.contains("asg_name"), "{applied}");
}

const SMALL: &str = r#"cluster "kapacitor-stage" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" {
        subnets "subnet-0aaa1111"
    }
    user-data "echo hunter2"
    tag "Owner" "metrics@example.com"
    tag "CostCenter" "4711"
}
"#;

/// Numbers drawn at random, digests that differ between compilers, and times.
fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let end = |word: &mut String, out: &mut String| {
        let hex = word.len() >= 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let time = word.len() >= 20 && word.starts_with("20") && word.ends_with('Z');
        out.push_str(if hex {
            "[hex]"
        } else if time {
            "[time]"
        } else {
            word
        });
        word.clear();
    };
    for c in text.chars() {
        // A time holds hyphens and colons; ids and digests do not.
        let joins = c.is_ascii_alphanumeric() || (matches!(c, '-' | ':' | '.') && word.starts_with("20"));
        if joins {
            word.push(c);
        } else {
            end(&mut word, &mut out);
            out.push(c);
        }
    }
    end(&mut word, &mut out);
    out
}

#[test]
fn flags_that_would_change_what_was_planned_are_not_taken() {
    let stage = stage();
    saved(&stage, SAVE);
    for flag in ["--policy org.wasm", "--set narrow=true", "--cancel-refresh", "--facts facts.json", "--cluster kapacitor-stage"] {
        let (run, calls) = stage.expect(64, &format!("{APPLY_SAVED} {flag}")).unwrap();
        assert!(run.said().contains("saved plan"), "{run}");
        assert_eq!(calls.len(), 0, "{calls}");
    }
    let (run, _) = stage.expect(6, "apply cluster.kdl --require-signature public.pem").unwrap();
    assert!(run.said().contains("is no saved plan, and nothing else can be signed"), "{run}");
    let (run, _) = stage.expect(64, "plan cluster.kdl --policy org.wasm --sign key.pem").unwrap();
    assert!(run.said().contains("--out or --record"), "{run}");
}

#[test]
fn a_plan_that_cannot_be_written_is_an_error() {
    let stage = stage();
    let (run, _) = stage.expect(1, &SAVE.replace("p.kapplan", "no/such/p.kapplan")).unwrap();
    assert!(run.stderr.starts_with("unwritable\n"), "{run}");
    let (run, _) = stage.expect(1, "show nothing.kapplan").unwrap();
    assert!(run.stderr.contains("the saved plan `nothing.kapplan` does not exist"), "{run}");
    let (run, _) = stage.expect(64, &format!("{SAVE} --expires-in 8d")).unwrap();
    assert!(run.stderr.contains("7 days at most"), "{run}");
}
