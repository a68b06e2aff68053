//! The files of `configs/ci`, as far as a shell can run them: every `run:` and `script:` in the order of the file, as a runner would.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kaphost_tests::{Built, Kaphost, Python, Run, Set};
use serde_json::Value;

const CONFIG: &str = r#"cluster "NAME" region="us-east-1" {
    ami "ami-0abcd1234abcd1234"
    instance-type "t3.small"
    network vpc="vpc-0a1b2c3d" { subnets "subnet-0aaa1111"; }
    ssh { allow cidr="RANGE" description="office"; }
}
"#;

/// A repository as the README of `configs/ci` expects it, with one cluster that this range may log in to.
fn repository(range: &str) -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    let config = |name: &str, range: &str| CONFIG.replace("NAME", name).replace("RANGE", range);
    kaphost.write("clusters/good.kdl", &config("kapacitor-good", "10.0.0.0/8")).unwrap();
    kaphost.write("clusters/team/other.kdl", &config("kapacitor-other", range)).unwrap();
    Set::at(kaphost.folder().join("policies/org.kdl")).with_built("restrict-ssh", "mandatory", &[]).unwrap().write().unwrap();
    kaphost
}

fn ci(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/ci").join(name);
    let python = Python::with_validators(&Built::find().unwrap()).unwrap();
    let output = python.script("formats/read_yaml.py").stdin(fs::File::open(&file).unwrap()).stdout(Stdio::piped()).output().unwrap();
    assert!(output.status.success(), "{}", file.display());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs a script as a runner does, with kaphost on the path and the variables of the job.
fn shell(kaphost: &Kaphost, script: &str, variables: &Value) -> Run {
    assert!(!script.contains("${{"), "what the forge puts into a script, a pull request may have written: {script}");
    let program: PathBuf = kaphost.command().get_program().into();
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(kaphost.folder()).stdin(Stdio::null()).env_clear();
    for (name, value) in kaphost.command().get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let folders = std::env::join_paths([program.parent().unwrap(), Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    command.env("PATH", folders);
    for (name, value) in variables.as_object().unwrap() {
        command.env(name, value.as_str().unwrap());
    }
    Run::of(&mut command).unwrap()
}

/// The scripts of a job, one after the other until one fails; the last that ran.
fn job(kaphost: &Kaphost, scripts: &[&str], variables: &Value) -> Run {
    let mut last = None;
    for script in scripts {
        let run = shell(kaphost, script, variables);
        let failed = run.code != Some(0);
        last = Some(run);
        if failed {
            break;
        }
    }
    last.unwrap()
}

fn github() -> (Vec<String>, Value) {
    let workflow = ci("github-actions.yml");
    let steps = workflow["jobs"]["check"]["steps"].as_array().unwrap();
    (steps.iter().filter_map(|step| step["run"].as_str().map(str::to_owned)).collect(), workflow["env"].clone())
}

fn gitlab() -> (Vec<String>, Value) {
    let job = &ci("gitlab-ci.yml")["kaphost"];
    (job["script"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect(), job["variables"].clone())
}

#[test]
fn the_jobs_gate_and_leave_their_reports() {
    for (forge, (scripts, variables)) in [("GitHub", github()), ("GitLab", gitlab())] {
        assert!(scripts.iter().any(|script| script.starts_with("kaphost check ")), "{forge}: {scripts:?}");
        let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
        for (code, range) in [(0, "10.0.0.0/8"), (3, "0.0.0.0/0"), (1, "10.0.0.0/99")] {
            let kaphost = repository(range);
            let run = job(&kaphost, &scripts, &variables);
            assert_eq!(run.code, Some(code), "{forge}: {run}");
            for file in ["kaphost.sarif", "kaphost.xml", "kaphost.json"] {
                let text =
                    fs::read_to_string(kaphost.folder().join(file)).unwrap_or_else(|error| panic!("{forge}: {file}: {error}: {run}"));
                assert_eq!(text.contains("clusters/team/other.kdl"), code != 0 || file != "kaphost.sarif", "{forge}: {file}");
            }
            if forge == "GitHub" && code != 0 {
                assert!(run.stdout.starts_with("::error file=clusters/team/other.kdl,line=5,col="), "{run}");
            }
        }
        // Without its policies the gate is shut.
        let kaphost = repository("10.0.0.0/8");
        fs::remove_file(kaphost.folder().join("policies/org.kdl")).unwrap();
        assert_eq!(job(&kaphost, &scripts, &variables).code, Some(4), "{forge}");
    }
}

/// What is uploaded is what is written.
#[test]
fn the_reports_that_are_kept_are_those_that_are_made() {
    let workflow = ci("github-actions.yml");
    let steps = workflow["jobs"]["check"]["steps"].as_array().unwrap();
    let check = steps.iter().find_map(|step| step["run"].as_str().filter(|run| run.contains("kaphost check"))).unwrap();
    let uploads: Vec<&Value> = steps.iter().filter(|step| step["if"].is_string()).collect();
    assert_eq!(uploads.len(), 2);
    let sarif = uploads[0]["with"]["sarif_file"].as_str().unwrap();
    assert!(check.contains(&format!("sarif={sarif}")), "{check}");
    let (scripts, _) = gitlab();
    let job = &ci("gitlab-ci.yml")["kaphost"]["artifacts"];
    let kept = job["paths"].as_array().unwrap().iter().chain([&job["reports"]["junit"]]);
    for file in kept.map(|file| file.as_str().unwrap()) {
        assert!(scripts.iter().any(|script| script.contains(&format!("={file}"))), "{file} is not made");
    }
}

/// The job that changes something does so for each cluster, and stops at the first that does not come to its end.
#[test]
fn the_job_after_the_merge_applies_each_cluster() {
    let workflow = ci("github-actions.yml");
    let steps = workflow["jobs"]["apply"]["steps"].as_array().unwrap();
    let scripts: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    let kaphost = repository("10.0.0.0/8");
    let mut variables = workflow["env"].clone();
    variables["KAPHOST_CLOUD"] = "lab:lab.json".into();
    fs::copy(kaphost.folder().join("clusters/good.kdl"), kaphost.folder().join("clusters/wrong.kdl")).unwrap();
    let wrong = fs::read_to_string(kaphost.folder().join("clusters/wrong.kdl")).unwrap();
    fs::write(kaphost.folder().join("clusters/wrong.kdl"), wrong.replace("10.0.0.0/8", "0.0.0.0/0")).unwrap();
    let run = job(&kaphost, &scripts, &variables);
    assert_eq!(run.code, Some(3), "{run}");
    assert!(run.stdout.contains("asg_name"), "the first is applied: {run}");
}
