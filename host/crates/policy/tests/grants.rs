//! What a real guest is told and may do, under terms.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use crate::support::{Guest, Layout, load, spec};
use kaphost_policy::{
    Admission, AmiFacts, Circumstances, Effect, Enforcement, FactKind, Facts, Outcome, Policy, PolicyError, Terms, VpcFacts, admit,
};

/// Looks through all of its memory for eight bytes and traps when they are there.
fn seeking(text: [u8; 8]) -> Guest {
    let guest = Guest::validator();
    let pass = guest.validate.clone().unwrap();
    let body = format!(
        "(local $at i32)
         (block $end (loop $next
            (br_if $end (i32.ge_u (local.get $at) (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 8))))
            (if (i64.eq (i64.load align=1 (local.get $at)) (i64.const {}))
              (then (unreachable)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $next)))
         {pass}",
        i64::from_le_bytes(text)
    );
    Guest { validate: Some(body), ..guest }
}

/// Says that it needs these facts.
fn needing(mut guest: Guest, needs: &[u8]) -> Guest {
    let list = guest.data.put(needs);
    let description = guest.data.description();
    guest.describe = format!(
        "(i32.store offset=40 (i32.const {description}) (i32.const {list}))
         (i32.store offset=44 (i32.const {description}) (i32.const {}))
         (i32.const {description})",
        needs.len()
    );
    guest
}

fn facts() -> Facts {
    Facts {
        account: Some("123456789012".into()),
        ami: Some(AmiFacts {
            id: "ami-0abcd1234".into(),
            owner: "210987654321".into(),
            name: "kapacitor".into(),
            created: "2026-11-01T00:00:00Z".into(),
            architecture: "x86_64".into(),
            root_device: "/dev/sda1".into(),
        }),
        vpc: Some(VpcFacts { id: "vpc-0a1b2c3d".into(), cidrs: vec!["172.31.0.0/16".into()], is_default: true }),
        ..Facts::default()
    }
}

fn run(guest: &Guest, terms: impl FnOnce(&mut Terms)) -> Result<Admission, PolicyError> {
    let module = load(&guest.build()).unwrap();
    let settings = module.settings(&[]).unwrap();
    let mut granted = Terms::alone(&module.description().needs);
    terms(&mut granted);
    admit(
        &spec(),
        &[Policy::new(module, settings, granted)],
        &Circumstances { facts: &facts(), waivers: &[], now: jiff::Timestamp::UNIX_EPOCH },
    )
}

#[test]
fn the_text_of_user_data_is_seen_where_it_is_granted() {
    // The test's user data is `echo hunter2`.
    let seeks = seeking(*b"echo hun");
    run(&seeks, |_| ()).unwrap();
    assert_eq!(run(&seeks, |terms| terms.user_data = true).unwrap_err().code(), "trap");
}

#[test]
fn user_data_may_not_be_changed_though_it_is_seen() {
    let text = Layout::of("cluster").at("user-data") + 4 + Layout::of("user-data").at("text");
    // The first letter of the text, which is there behind a pointer; or no text any more.
    let letter = format!("(i32.store8 (i32.load offset={} (local.get 0)) (i32.const 69))", text + 4);
    let none = format!("(i32.store8 offset={text} (local.get 0) (i32.const 0))");
    for edit in [letter, none] {
        let guest = Guest::mutator(&edit, Some(["r", "", "No."]));
        assert_eq!(run(&guest, |terms| terms.user_data = true).unwrap_err().code(), "forbidden-change");
    }
    let admission = run(&Guest::mutator("", None), |terms| terms.user_data = true).unwrap();
    let Outcome::Admitted(admitted) = admission.outcome else { panic!() };
    assert_eq!(*admitted.cluster(), *spec().cluster);
    let policy = &admission.decision.policies[0];
    assert!(policy.user_data);
    assert!(!admission.decision.to_json().unwrap().contains("hunter2"));
}

#[test]
fn a_policy_is_told_what_it_needs_and_was_granted_and_nothing_else() {
    let [account, ami, vpc] = [0, 1, 3_u8];
    let seeks_account = |needs: &[u8]| needing(seeking(*b"12345678"), needs);
    assert_eq!(run(&seeks_account(&[account]), |_| ()).unwrap_err().code(), "trap");
    // Granted and not asked for: not told.
    let all = [FactKind::Account, FactKind::Ami, FactKind::Subnets, FactKind::Vpc];
    let admission = run(&seeks_account(&[ami, vpc]), |terms| terms.facts = all.into()).unwrap();
    assert_eq!(admission.decision.policies[0].facts, [FactKind::Ami, FactKind::Vpc].into());
    // Only what somebody was told stands in the decision.
    assert_eq!(admission.decision.facts, Facts { account: None, ..facts() });
    assert_eq!(run(&seeks_account(&[]), |_| ()).unwrap().decision.facts, Facts::default());
}

#[test]
fn needs_that_are_not_granted_or_not_given_are_told_apart() {
    // Account and VPC are given; subnets are not.
    let guest = needing(Guest::validator(), &[0, 2, 3]);
    let error = run(&guest, |terms| terms.facts = [FactKind::Subnets, FactKind::Vpc].into()).unwrap_err();
    assert_eq!(error.code(), "missing-facts");
    let PolicyError::MissingFacts { ungranted, missing, .. } = &error else { panic!("{error}") };
    assert_eq!((ungranted.as_slice(), missing.as_slice()), (&[FactKind::Account][..], &[FactKind::Subnets][..]));
    let said = "needs facts that it was not granted: `facts.account`, and that it was not given: `facts.subnets`";
    assert!(error.to_string().ends_with(said), "{error}");
    // Of one that is off nothing is asked.
    run(&guest, |terms| terms.enforcement = Enforcement::Disabled).unwrap();
}

#[test]
fn enforcement_and_grants_hold_for_guests() {
    let edit = format!("(i32.store8 offset={} (local.get 0) (i32.const 1))", Layout::of("cluster").at("tenancy"));
    let dedicated = Guest::mutator(&edit, Some(["r", "tenancy", "Ours alone."]));
    let effects = |terms: fn(&mut Terms)| {
        let admission = run(&dedicated, terms).unwrap();
        let found: Vec<_> = admission.decision.violations.iter().map(|violation| violation.effect).collect();
        (matches!(admission.outcome, Outcome::Admitted(_)), admission.decision.changes.len(), admission.decision.advice.len(), found)
    };
    assert_eq!(effects(|_| ()), (true, 1, 0, vec![]));
    assert_eq!(effects(|terms| terms.enforcement = Enforcement::Mandatory), (false, 0, 0, vec![Effect::Deny]));
    assert_eq!(effects(|terms| terms.enforcement = Enforcement::Advisory), (true, 0, 1, vec![]));
    assert_eq!(effects(|terms| terms.enforcement = Enforcement::Disabled), (true, 0, 0, vec![]));
    assert_eq!(run(&dedicated, |terms| terms.writes.clear()).unwrap_err().code(), "not-granted");

    let network = Layout::of("cluster").at("network") + Layout::of("network").at("public-ip");
    let public = format!("(i32.store8 offset={network} (local.get 0) (i32.const 1))");
    let public = Guest::mutator(&public, Some(["r", "network", "Reachable."]));
    let error = run(&public, |_| ()).unwrap_err();
    assert_eq!(error.code(), "loosens");
    assert!(error.to_string().contains("did what it was not granted"), "{error}");
    let admission = run(&public, |terms| terms.loosens = vec!["network".parse().unwrap()]).unwrap();
    assert!(admission.decision.changes[0].loosens);
}
