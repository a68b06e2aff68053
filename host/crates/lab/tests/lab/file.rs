//! An account in a file: it outlives the run, is private, is shared, and is never overwritten when it is something else.

use std::fs;
use std::path::PathBuf;

use kaphost_apply::Cloud;
use kaphost_lab::{Behaviour, Lab, LabError};
use kaphost_plan::{Call, Tags};

use crate::support::*;

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    (folder, path)
}

#[tokio::test(start_paused = true)]
async fn a_file_outlives_the_run() {
    let (_folder, path) = place();
    let everything = "user-data \"#!/bin/sh\\necho hunter2\"
        spot max-price=\"0.04\"
        egress { allow cidr=\"0.0.0.0/0\" ports=\"443\" description=\"TLS\"\n allow cidr=\"::/0\" description=\"IPv6\"\n }
        volume \"/dev/xvdh\" type=\"io2\" size=300 iops=3000
        tag \"Team\" \"metrics\" propagate=#false";
    let wanted = desired(&config(&["192.168.0.0/16", "2001:db8::/32"], everything));
    converge(&Lab::open(&path, REGION).unwrap(), &wanted).await;
    // Read back by another process, everything compares equal: every type survives the file.
    assert_whole(&Lab::open(&path, REGION).unwrap(), &wanted).await;
    assert_eq!(Lab::open(&path, "eu-west-1").unwrap().census().unwrap().len(), 2, "IAM is global, the rest is not");
    let (_, report) = demolish(&Lab::open(&path, REGION).unwrap(), &wanted, false).await.unwrap();
    assert!(report.complete(), "{report:#?}");
    assert_eq!(Lab::open(&path, REGION).unwrap().census().unwrap(), []);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_is_private_and_nothing_else_is_left() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, path) = place();
    let lab = Lab::open(&path, REGION).unwrap();
    lab.behave(Behaviour::PROMPT).unwrap();
    let mut names: Vec<String> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["account.json", "account.json.lock"]);
    // Somebody opens it up; the next write closes it again.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    lab.behave(Behaviour::default()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_changes_nothing_writes_nothing() {
    let (_folder, path) = place();
    let lab = Lab::open(&path, REGION).unwrap();
    converge(&lab, &ordinary()).await;
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"kaphost-lab\": 1"), "{text}");
    // A write would replace the file, and so take this mark away.
    let mark = |path: &PathBuf| fs::metadata(path).unwrap().modified().unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_whole(&lab, &ordinary()).await;
    assert_eq!(mark(&path), std::time::SystemTime::UNIX_EPOCH);
    lab.behave(Behaviour::PROMPT).unwrap();
    assert_ne!(mark(&path), std::time::SystemTime::UNIX_EPOCH);
}

#[test]
fn what_is_no_lab_is_refused_and_kept() {
    for (text, words) in [
        ("", "is no lab"),
        ("{", "is no lab"),
        ("{}", "is no lab"),
        (r#"{"kaphost-lab": 1, "regions": {"us-east-1": {"securty-groups": {}}}}"#, "is no lab"),
        (r#"{"kaphost-lab": 2, "something": "new"}"#, "format 2"),
        (r#"{"kaphost-lab": 1, "iam": {"roles": []}}"#, "is no lab"),
    ] {
        let (_folder, path) = place();
        fs::write(&path, text).unwrap();
        let error = Lab::open(&path, REGION).unwrap_err();
        assert!(error.to_string().contains(words) && error.to_string().contains("account.json"), "{text}: {error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_place_that_cannot_be_is_told_at_once() {
    let (folder, _) = place();
    let error = Lab::open(&folder.path().join("none/account.json"), REGION).unwrap_err();
    assert!(matches!(error, LabError::Io { .. }) && error.to_string().contains("none"), "{error}");
    assert!(matches!(Lab::open(folder.path(), REGION), Err(LabError::Io { .. })));
}

#[tokio::test]
async fn a_file_that_breaks_under_a_run_is_an_error_of_its_calls() {
    let (_folder, path) = place();
    let lab = Lab::open(&path, REGION).unwrap();
    fs::write(&path, "nonsense").unwrap();
    let call = Call::CreateInstanceProfile { name: "p".into(), path: "/".into(), tags: Tags::new() };
    let error = lab.act(&call).await.unwrap_err();
    assert!(error.message.contains("is no lab") && error.message.contains("line 1"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "nonsense");
}

/// A file written by hand needs to say only what is unlike the ordinary.
#[tokio::test(start_paused = true)]
async fn a_short_file_is_enough() {
    let (_folder, path) = place();
    let text =
        r#"{"kaphost-lab": 1, "regions": {"us-east-1": {"images": {"ami-0abcd1234": {"root-device": "/dev/sda1"}, "ami-0bad": null}}}}"#;
    fs::write(&path, text).unwrap();
    let lab = Lab::open(&path, REGION).unwrap();
    let (_, image) = planned(&lab, &ordinary()).await.unwrap();
    assert_eq!(image.root_device, "/dev/sda1");
    let missing = desired(&config(&[], "").replace("ami-0abcd1234", "ami-0bad"));
    assert_eq!(planned(&lab, &missing).await.unwrap_err()[0].code, kaphost_plan::RefusalCode::ImageMissing);
}

/// Processes on one file see each other's work: no write is lost.
#[test]
fn many_callers_lose_no_write() {
    let (_folder, path) = place();
    let call = |n: usize| Call::CreateInstanceProfile { name: format!("p{n}"), path: "/".into(), tags: Tags::new() };
    std::thread::scope(|scope| {
        for caller in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                let lab = Lab::open(path, REGION).unwrap();
                for n in 0..10 {
                    runtime.block_on(lab.act(&call(caller * 10 + n))).unwrap();
                }
            });
        }
    });
    assert_eq!(Lab::open(&path, REGION).unwrap().census().unwrap().len(), 40);
}
