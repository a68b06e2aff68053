//! The job that `bench` measures kaphost beside is a whole one: it makes everything, then nothing, then removes everything.

use kaphost_tests::{Account, Built, CallLog, Emulator, Failure, Kind, Python, Run};
use serde_json::Value;

fn job(account: &Account, name: &str) -> Result<(Value, CallLog), Failure> {
    let seed = account.seed("us-east-1")?;
    let python = Python::ready(&Built::find()?)?;
    let mut command = python.script("bench/boto3_sequential.py");
    command
        .args([name, "--vpc", &seed.vpc, "--subnets", &format!("{},{}", seed.subnets[0].id, seed.subnets[1].id)])
        .env("AWS_ENDPOINT_URL", account.endpoint())
        .env("AWS_ACCESS_KEY_ID", account.access_key())
        .env("AWS_SECRET_ACCESS_KEY", "emulator")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let (run, calls) = account.record(|| Run::of(&mut command))?;
    assert_eq!(run.code, Some(0), "{run}\n{calls}");
    let said = serde_json::from_str(&run.stdout).map_err(|error| Failure::new(format!("{error}: {run}")))?;
    Ok((said, calls))
}

#[test]
fn it_creates_finds_nothing_to_do_and_destroys() {
    let account = Emulator::shared().unwrap().account();
    let (created, calls) = job(&account, "create").unwrap();
    assert_eq!(created["calls"], calls.len(), "{calls}");
    assert_eq!(calls.writes(), 7, "{calls}");
    assert_eq!(calls.depth(), calls.reads() + calls.writes(), "sequential means one call after the other:\n{calls}");

    let (again, calls) = job(&account, "noop").unwrap();
    assert_eq!((again["changed"].as_u64(), calls.writes()), (Some(0), 0), "{calls}");
    assert!(calls.of(Kind::Read).len() >= 7, "it has to look at everything:\n{calls}");

    let (_, calls) = job(&account, "destroy").unwrap();
    assert_eq!(calls.writes(), 6, "{calls}");
    let (nothing, _) = job(&account, "destroy").unwrap();
    assert_eq!(nothing["changed"], 0);
}
