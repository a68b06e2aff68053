//! Clusters, and one run from observe to record.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::time::Duration;

use kaphost_apply::{Cloud, End, Event, Options, Record, Report, Stop, apply, execute, look};
use kaphost_lab::{Behaviour, Holding, Lab};
use kaphost_plan::{Desired, Image, Kind, Plan, Query, Refusal, check, desire, destroy, diff};
use kaphost_spec::{AdmittedSpec, Cluster, ConfigSource, NoLookup, parse};

pub(crate) const REGION: &str = "us-east-1";
pub(crate) const NAME: &str = "kapacitor-stage";
pub(crate) const ROLE: &str = "kapacitor-stage-us-east-1";

/// A small cluster with two rules; `more` is further nodes.
pub(crate) fn config(ssh: &[&str], more: &str) -> String {
    let mut allow = String::new();
    for cidr in ssh {
        let _ = writeln!(allow, "allow cidr=\"{cidr}\" description=\"from {cidr}\"");
    }
    format!(
        "cluster \"{NAME}\" region=\"{REGION}\" {{
            ami \"ami-0abcd1234\"
            instance-type \"t3.small\"
            network vpc=\"vpc-0a1b\" {{ subnets \"subnet-0aaa\" \"subnet-0bbb\"\n }}
            ssh {{
                {allow}
            }}
            http {{ allow cidr=\"10.0.0.0/8\" description=\"office\"\n }}
            {more}
        }}"
    )
}

pub(crate) fn cluster(text: &str) -> Cluster {
    let file = parse(ConfigSource::new("cluster.kdl", text), &NoLookup).unwrap_or_else(|report| panic!("{report:?}\n{text}"));
    Cluster::clone(&file.specs[0].cluster)
}

pub(crate) fn desired(text: &str) -> Desired {
    desire(&AdmittedSpec::seal(cluster(text), "0123456789abcdef".repeat(4))).unwrap()
}

/// The ordinary one.
pub(crate) fn ordinary() -> Desired {
    desired(&config(&["192.168.0.0/16"], ""))
}

/// An account where nothing is slow, and every call takes ten virtual milliseconds.
pub(crate) fn prompt() -> Lab {
    let lab = Lab::new(REGION);
    lab.behave(Behaviour::PROMPT).unwrap();
    lab.delay([Duration::from_millis(10)]);
    lab
}

/// Observes and plans, and has the plan checked.
pub(crate) async fn planned(lab: &Lab, desired: &Desired) -> Result<(Plan, Image), Vec<Refusal>> {
    let observed = look(lab, desired, None).await.expect("observe");
    let fact = desired.image_fact(&observed, None).expect("the image was asked for");
    let plan = diff(desired, &observed, fact)?;
    assert_eq!(check(&plan, &observed), [], "{plan:#?}");
    let kaphost_plan::ImageFact::Found(image) = fact else { panic!("a plan without an image") };
    Ok((plan, image.clone()))
}

/// A whole apply, with what it said.
pub(crate) async fn run(lab: &Lab, desired: &Desired, stop: &Stop) -> (Record, Vec<Event>) {
    let (plan, image) = planned(lab, desired).await.expect("a plan");
    let events = Mutex::new(Vec::new());
    let tell = |event| events.lock().unwrap().push(event);
    let record = apply(lab, desired, plan, &image, &Options::default(), &tell, stop).await;
    (record, events.into_inner().unwrap())
}

/// An apply that must converge.
pub(crate) async fn converge(lab: &Lab, desired: &Desired) -> Record {
    let (record, _) = run(lab, desired, &Stop::new()).await;
    assert_eq!(record.end, End::Converged, "{:#?}", record.failed().collect::<Vec<_>>());
    record
}

/// A whole destroy.
pub(crate) async fn demolish(lab: &Lab, desired: &Desired, detach: bool) -> Result<(Plan, Report), Vec<Refusal>> {
    let observed = lab.observe(&Query::for_destroy(desired.names.clone())).await.expect("observe");
    let plan = destroy(&desired.names, &observed, detach)?;
    assert_eq!(check(&plan, &observed), [], "{plan:#?}");
    let report = execute(lab, &plan, &Options::default(), &|_| {}, &Stop::new()).await;
    Ok((plan, report))
}

/// Exactly one of everything, all ours.
pub(crate) fn one_of_everything() -> Vec<Holding> {
    let own = |kind, name: &str| Holding { kind, name: name.to_owned(), owner: Some(NAME.to_owned()) };
    let mut all = vec![
        own(Kind::AutoScalingGroup, NAME),
        own(Kind::LaunchTemplate, NAME),
        own(Kind::SecurityGroup, NAME),
        own(Kind::Role, ROLE),
        own(Kind::InstanceProfile, ROLE),
    ];
    all.sort();
    all
}

/// What the account holds, without the group onto which HTTP's rules may go.
pub(crate) fn census(lab: &Lab) -> Vec<Holding> {
    let mut all = lab.census().unwrap();
    all.retain(|found| !(found.name == "theirs" && found.kind == Kind::SecurityGroup && found.owner.is_none()));
    all
}

/// The account holds one of everything, and a plan finds nothing to do.
pub(crate) async fn assert_whole(lab: &Lab, desired: &Desired) {
    assert_eq!(census(lab), one_of_everything());
    let (plan, _) = planned(&lab.another(), desired).await.expect("a plan");
    assert!(plan.is_empty(), "{plan:#?}");
}
