//! Promises that hold for every cluster, every order of answers and every moment of a kill.

use std::fmt::Write as _;
use std::future::Future;
use std::time::Duration;

use futures_util::future::join;
use kaphost_apply::{Cloud, End, Options, Stop, apply};
use kaphost_lab::{Behaviour, Fault, Lab};
use kaphost_plan::{Call, Desired, Direction, Query, Tags};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::{option, proptest};

use crate::support::*;

const CIDRS: &[&str] = &["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "192.168.1.0/24", "203.0.113.7/32", "::/0", "2001:db8::/32", "fd00::/8"];
/// The id that the first group of a lab gets.
const THEIRS: &str = "sg-00000000000000002";
const GROUPS: &[&str] = &["sg-0aaaa", "sg-0bbbb"];

fn allow() -> impl Strategy<Value = String> {
    let cidrs = btree_map(select(CIDRS), select(&["office", "vpn", "home"][..]), 0..4);
    let groups = btree_set(select(GROUPS), 0..2);
    (cidrs, groups).prop_map(|(cidrs, groups)| {
        let mut text = String::new();
        for (cidr, description) in cidrs {
            let _ = writeln!(text, "allow cidr=\"{cidr}\" description=\"{description}\"");
        }
        for group in groups {
            let _ = writeln!(text, "allow security-group=\"{group}\" description=\"members\"");
        }
        text
    })
}

fn egress() -> impl Strategy<Value = String> {
    let ports = option::of(select(&["443", "80-90"][..]));
    let rules = btree_map(select(CIDRS), ports, 1..3).prop_map(|rules| {
        let mut text = "egress {\n".to_owned();
        for (cidr, ports) in rules {
            let ports = ports.map(|ports| format!("ports=\"{ports}\"")).unwrap_or_default();
            let _ = writeln!(text, "allow cidr=\"{cidr}\" {ports} description=\"out\"");
        }
        text + "}"
    });
    option::of(rules).prop_map(Option::unwrap_or_default)
}

fn node(choices: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    select(choices)
}

/// Any cluster that this version provisions, always of the same name, region and VPC, so that one can become another.
fn any_cluster() -> impl Strategy<Value = Desired> {
    let hardware = (
        node(&["t3.small", "m7g.large"]),
        node(&["", "tenancy \"dedicated\"", "spot max-price=\"0.04\"", "spot"]),
        node(&["", "ebs-optimized #true"]),
        node(&["", "metadata tokens=\"optional\" hop-limit=2"]),
        node(&["", "root-volume type=\"gp3\" size=50", "root-volume type=\"io2\" size=100 iops=1000 encrypted=#false"]),
        node(&[
            "",
            "volume \"/dev/xvdh\" type=\"gp3\" size=300",
            "volume \"/dev/xvdi\" type=\"st1\" size=500 delete-on-termination=#false",
        ]),
        node(&["", "user-data \"#!/bin/sh\"", "user-data \"#!/bin/sh\\nreboot\""]),
    );
    let around = (
        node(&["22", "2222"]),
        node(&["", "key=\"ops\""]),
        allow(),
        allow(),
        egress(),
        node(&["", "scaling health-check=\"elb\" health-check-grace-period=\"5m\"", "scaling wait-for-capacity-timeout=\"0s\""]),
        node(&["", "rollout strategy=\"launch-first\""]),
        btree_map(select(&["Team", "Owner", "Stage"][..]), (select(&["a", "b"][..]), any::<bool>()), 0..3),
        node(&["subnets \"subnet-0a\"", "subnets \"subnet-0a\" \"subnet-0b\""]),
    );
    let more = (
        node(&["\"ami-0abcd1234\"", "(ssm)\"/images/kapacitor\"", "owner=\"self\" name=\"kapacitor-*\""]),
        node(&["", "security-group=\"sg-00000000000000002\""]),
        node(&[
            "",
            "managed-policy \"arn:aws:iam::aws:policy/ReadOnlyAccess\"",
            "managed-policy \"arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore\"",
        ]),
        node(&[
            "",
            "inline-policy \"own\" \"{\\\"Statement\\\":[]}\"",
            "inline-policy \"own\" \"{\\\"Statement\\\":[],\\\"Version\\\":\\\"2012-10-17\\\"}\"",
        ]),
        node(&["", "boundary=\"arn:aws:iam::123456789012:policy/edge\""]),
    );
    (hardware, around, more).prop_map(|(hardware, around, more)| {
        let (ami, elsewhere, managed, inline, boundary) = more;
        let (instance, buying, ebs, metadata, root, volume, user_data) = hardware;
        let (port, key, ssh, http, egress, scaling, rollout, tags, subnets) = around;
        let mut text = format!(
            "cluster \"{NAME}\" region=\"{REGION}\" {{
                ami {ami}
                instance-type \"{instance}\"
                network vpc=\"vpc-0a1b\" {{\n{subnets}\n}}
                ssh port={port} {key} {{\n{ssh}\n}}
                http {elsewhere} {{\n{http}\n}}
                iam {boundary} {{\n{managed}\n{inline}\n}}
            "
        );
        for part in [buying, ebs, metadata, root, volume, user_data, &egress, scaling, rollout] {
            let _ = writeln!(text, "{part}");
        }
        for (tag, (value, propagate)) in tags {
            let _ = writeln!(text, "tag \"{tag}\" \"{value}\" propagate=#{propagate}");
        }
        desired(&(text + "}"))
    })
}

fn any_behaviour() -> impl Strategy<Value = Behaviour> {
    (0..3u32, 0..3u32, 0..3u32, 0..3u32, 0..2u32).prop_map(
        |(polls_pending, polls_deleting, refusals_draining, refusals_profile, refusals_new_group)| Behaviour {
            polls_pending,
            polls_deleting,
            refusals_draining,
            refusals_profile,
            refusals_new_group,
        },
    )
}

fn any_delays() -> impl Strategy<Value = Vec<Duration>> {
    vec((1..40u64).prop_map(Duration::from_millis), 1..8)
}

fn in_virtual_time<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(work)
}

fn account(behaviour: Behaviour, delays: Vec<Duration>) -> Lab {
    let lab = Lab::new(REGION);
    lab.behave(behaviour).unwrap();
    lab.delay(delays);
    lab.set_parameter("/images/kapacitor", "ami-0abcd1234").unwrap();
    lab.publish_image("ami-0abcd1235", "self", "kapacitor-2026-10-01", "2026-10-01T00:00:00.000Z").unwrap();
    assert_eq!(lab.make_security_group("theirs", "vpc-0a1b").unwrap(), THEIRS);
    lab
}

/// Begins an apply that dies after this many writes.
async fn killed(lab: &Lab, wanted: &Desired, writes: u64) {
    let dying = lab.another();
    dying.delay([Duration::from_millis(10), Duration::from_millis(4)]);
    let (plan, image) = planned(&dying, wanted).await.unwrap();
    dying.crash_after(writes);
    apply(&dying, wanted, plan, &image, &Options::default(), &|_| {}, &Stop::new()).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// From nothing to A, from A to B: each time the next plan is empty, and there is one of everything.
    #[test]
    fn apply_then_plan_is_empty(a in any_cluster(), b in any_cluster(), behaviour in any_behaviour(), delays in any_delays()) {
        in_virtual_time(async {
            let lab = account(behaviour, delays);
            for wanted in [&a, &b] {
                converge(&lab, wanted).await;
                assert_whole(&lab, wanted).await;
            }
        });
    }

    /// Killed on the way from A to B after any call, and run again: one of everything, nothing left over, and nothing to do.
    #[test]
    fn killed_anywhere_it_heals(a in any_cluster(), b in any_cluster(), first in 0..9u64, second in 0..9u64, behaviour in any_behaviour()) {
        in_virtual_time(async {
            let lab = account(behaviour, vec![]);
            killed(&lab, &a, first).await;
            converge(&lab.another(), &a).await;
            killed(&lab, &b, second).await;
            converge(&lab.another(), &b).await;
            assert_whole(&lab, &b).await;
        });
    }

    /// Answers get lost, with and without the SDK sending again.
    #[test]
    fn lost_answers_heal(a in any_cluster(), b in any_cluster(), faults in vec((1..12u64, any::<bool>()), 0..4)) {
        in_virtual_time(async {
            let lab = account(Behaviour::PROMPT, vec![Duration::from_millis(5)]);
            for (write, repeat) in &faults {
                lab.fault(*write, if *repeat { Fault::Repeat } else { Fault::LoseAnswer });
            }
            for wanted in [&a, &b] {
                // Every lost answer may end one run.
                for _ in 0..=faults.len() {
                    if run(&lab, wanted, &Stop::new()).await.0.end == End::Converged {
                        break;
                    }
                }
                assert_whole(&lab, wanted).await;
            }
        });
    }

    /// Two runs of one config, interleaved anyhow, starting from nothing or from another config.
    #[test]
    fn two_runs_make_one_of_everything(
        a in any_cluster(), b in any_cluster(), from_nothing in any::<bool>(), mine in any_delays(), theirs in any_delays(),
    ) {
        in_virtual_time(async {
            let lab = account(Behaviour::PROMPT, vec![]);
            if !from_nothing {
                converge(&lab, &a).await;
            }
            let (one, two) = (lab.another(), lab.another());
            one.delay(mine);
            two.delay(theirs);
            let stop = Stop::new();
            join(run(&one, &b, &stop), run(&two, &b, &stop)).await;
            assert_eq!(census(&lab), one_of_everything());
            converge(&lab.another(), &b).await;
            assert_whole(&lab, &b).await;
        });
    }

    /// Stopped at any moment, nothing is left half heard, and the next run finishes the job.
    #[test]
    fn stopped_anywhere_it_heals(a in any_cluster(), after_ms in 0..80u64, delays in any_delays(), behaviour in any_behaviour()) {
        in_virtual_time(async {
            let lab = account(behaviour, delays);
            let stop = Stop::new();
            let raise = async { tokio::time::sleep(Duration::from_millis(after_ms)).await; stop.raise(); };
            let ((record, _), ()) = join(run(&lab, &a, &stop), raise).await;
            assert!(matches!(record.end, End::Interrupted | End::Converged), "{:?}", record.end);
            assert!(lab.log().unheard_writes().is_empty());
            converge(&lab.another(), &a).await;
            assert_whole(&lab, &a).await;
        });
    }

    /// A destroy, killed anywhere or not at all and run again, takes all that is ours and nothing that is not.
    #[test]
    fn destroy_takes_ours_and_leaves_theirs(a in any_cluster(), writes in 1..9u64, behaviour in any_behaviour()) {
        in_virtual_time(async {
            let lab = account(behaviour, vec![Duration::from_millis(3)]);
            let others = lab.another();
            let (description, tags) = ("theirs".to_owned(), Tags::from([("kaphost:cluster".into(), "other".into())]));
            let group = Call::CreateSecurityGroup { name: NAME.into(), description, vpc: "vpc-0ffff".into(), tags: tags.clone() };
            let profile = Call::CreateInstanceProfile { name: "other".into(), path: "/".into(), tags };
            let trust = serde_json::json!({ "Statement": [] });
            let role = Call::CreateRole { name: "theirs".into(), path: "/".into(), description: String::new(), trust, boundary: None, tags: Tags::new() };
            for call in [profile, role] {
                others.act(&call).await.unwrap();
            }
            converge(&lab.another(), &a).await;
            others.act(&group).await.unwrap_or(kaphost_plan::Output::Done);
            let theirs: Vec<_> = lab.census().unwrap().into_iter().filter(|found| found.owner.as_deref() != Some(NAME)).collect();
            assert_eq!(theirs.len(), 4);

            let dying = lab.another();
            dying.crash_after(writes);
            demolish(&dying, &a, false).await.unwrap();
            let (_, report) = demolish(&lab, &a, false).await.unwrap();
            assert!(report.complete(), "{report:#?}");
            assert_eq!(lab.census().unwrap(), theirs);
            let (again, _) = demolish(&lab, &a, false).await.unwrap();
            assert!(again.is_empty());
        });
    }

    /// What users add to the group stays, whatever becomes of the cluster.
    #[test]
    fn users_rules_stay(a in any_cluster(), b in any_cluster(), port in 8000..8010i32) {
        in_virtual_time(async {
            let lab = account(Behaviour::PROMPT, vec![]);
            converge(&lab, &a).await;
            let query = Query::of(a.names.clone());
            let group = lab.observe(&query).await.unwrap().security_groups[0].id.clone();
            let mut rule = ordinary().rules.rules.into_iter().find(|rule| rule.key.direction == Direction::Ingress).unwrap();
            rule.key.traffic = kaphost_plan::Traffic::Ports { protocol: "udp".into(), from: port, to: port };
            let theirs = Call::AuthorizeRules { group, direction: Direction::Ingress, rules: vec![rule.clone()], tags: Tags::new() };
            lab.act(&theirs).await.unwrap();
            converge(&lab, &b).await;
            assert_whole(&lab, &b).await;
            let rules = lab.observe(&query).await.unwrap().security_groups[0].rules.clone();
            assert!(rules.iter().any(|found| found.rule == rule && found.id.is_none()));
        });
    }
}
