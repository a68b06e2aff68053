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
    kaphost.knows(&["restrict-ssh"]).unwrap();
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

/// What the scripts of a forge's job are, and its variables but for those that the forge fills in.
struct Job {
    forge: &'static str,
    scripts: Vec<String>,
    variables: Value,
}

impl Job {
    fn github(name: &str) -> Self {
        let workflow = ci("github-actions.yml");
        let steps = workflow["jobs"][name]["steps"].as_array().unwrap();
        let scripts = steps.iter().filter_map(|step| step["run"].as_str().map(str::to_owned)).collect();
        Self { forge: "GitHub", scripts, variables: plain(&[&workflow["env"], &workflow["jobs"][name]["env"]]) }
    }

    fn gitlab(name: &str) -> Self {
        let file = ci("gitlab-ci.yml");
        let job = &file[name];
        let scripts = job["script"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect();
        let above = job["extends"].as_str().map_or(&Value::Null, |above| &file[above]["variables"]);
        Self { forge: "GitLab", scripts, variables: plain(&[above, &job["variables"]]) }
    }

    /// The job of this purpose on each forge.
    fn both(purpose: &str) -> [Self; 2] {
        [Self::github(purpose), Self::gitlab(&if purpose == "check" { "kaphost".to_owned() } else { format!("kaphost-{purpose}") })]
    }

    /// Runs it: its scripts one after the other until one fails. Gives the last that ran.
    fn run(&self, kaphost: &Kaphost) -> Run {
        let mut last = None;
        for script in &self.scripts {
            let run = shell(kaphost, script, &self.variables);
            let failed = run.code != Some(0);
            last = Some(run);
            if failed {
                break;
            }
        }
        last.unwrap()
    }
}

/// The variables, one list over the other, without those of which only the forge knows the value.
fn plain(lists: &[&Value]) -> Value {
    let all = lists.iter().filter_map(|list| list.as_object()).flatten();
    all.filter(|(_, value)| value.as_str().is_some_and(|value| !value.contains("${{")))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[test]
fn the_jobs_gate_and_leave_their_reports() {
    for job in Job::both("check") {
        let forge = job.forge;
        assert!(job.scripts.iter().any(|script| script.starts_with("kaphost check ")), "{forge}: {:?}", job.scripts);
        for (code, range) in [(0, "10.0.0.0/8"), (3, "0.0.0.0/0"), (1, "10.0.0.0/99")] {
            let kaphost = repository(range);
            let run = job.run(&kaphost);
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
        assert_eq!(job.run(&kaphost).code, Some(4), "{forge}");
    }
}

/// What is uploaded is what is written.
#[test]
fn what_is_kept_is_what_is_made() {
    let workflow = ci("github-actions.yml");
    let steps = workflow["jobs"]["check"]["steps"].as_array().unwrap();
    let check = steps.iter().find_map(|step| step["run"].as_str().filter(|run| run.contains("kaphost check"))).unwrap();
    let uploads: Vec<&Value> = steps.iter().filter(|step| step["if"].is_string()).collect();
    assert_eq!(uploads.len(), 2);
    let sarif = uploads[0]["with"]["sarif_file"].as_str().unwrap();
    assert!(check.contains(&format!("sarif={sarif}")), "{check}");
    let folder = |job: &str| {
        let steps = workflow["jobs"][job]["steps"].as_array().unwrap();
        steps.iter().find(|step| step["uses"].as_str().is_some_and(|uses| uses.contains("load-artifact"))).unwrap()["with"].clone()
    };
    assert_eq!((&folder("plan")["name"], &folder("plan")["path"]), (&folder("apply")["name"], &folder("apply")["path"]));
    let file = ci("gitlab-ci.yml");
    let scripts = Job::gitlab("kaphost").scripts;
    let job = &file["kaphost"]["artifacts"];
    let kept = job["paths"].as_array().unwrap().iter().chain([&job["reports"]["junit"]]);
    for file in kept.map(|file| file.as_str().unwrap()) {
        assert!(scripts.iter().any(|script| script.contains(&format!("={file}"))), "{file} is not made");
    }
    assert_eq!(
        (&file["kaphost-plan"]["artifacts"]["paths"][0], &file["kaphost-apply"]["needs"][0]),
        (&"plans".into(), &"kaphost-plan".into())
    );
}

/// A pull request reaches no key, no role and no cloud.
#[test]
fn only_what_is_merged_is_planned_and_applied() {
    let workflow = ci("github-actions.yml");
    for job in ["plan", "apply"] {
        assert_eq!(workflow["jobs"][job]["if"], "github.event_name == 'push'");
        let merged = &ci("gitlab-ci.yml")[format!("kaphost-{job}")]["rules"];
        assert_eq!((merged.as_array().unwrap().len(), &merged[0]["if"]), (1, &"$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH".into()));
    }
    assert!(!workflow["jobs"]["check"].to_string().contains("secrets."));
}

const KEY: &str =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEICrTKbG04r6ZPs9QOfcTlbrd/7gXWN0AwTYCQdV8gkGs\n-----END PRIVATE KEY-----";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEACdqwjhbhuP7vZQ8RqsGlZKN/QnC4QIHT9cDNh01BL7U=\n-----END PUBLIC KEY-----\n";

/// The plans of one job are what the next one applies: signed, each once, and nothing else.
#[test]
fn what_was_planned_is_applied_and_nothing_else() {
    for (mut plan, mut apply) in Job::both("plan").into_iter().zip(Job::both("apply")) {
        let forge = plan.forge;
        let kaphost = repository("10.0.0.0/8");
        kaphost.write("policies/pipeline.pem", PUBLIC).unwrap();
        // What the forge gives: the key as a text, or as a file.
        let key = kaphost.write("../key.txt", KEY).unwrap();
        let temporary = kaphost.home().join("temp");
        fs::create_dir(&temporary).unwrap();
        for job in [&mut plan, &mut apply] {
            job.variables["KAPHOST_CLOUD"] = "lab:lab.json".into();
            job.variables["RUNNER_TEMP"] = temporary.to_str().unwrap().into();
        }
        plan.variables["KAPHOST_SIGNING_KEY"] = if forge == "GitHub" { KEY.into() } else { key.to_str().unwrap().into() };
        let cloud = || fs::read_to_string(kaphost.folder().join("lab.json")).unwrap_or_default();
        let expect = |job: &Job, code: i32| {
            let run = job.run(&kaphost);
            assert_eq!(run.code, Some(code), "{forge}: {run}");
            run
        };

        expect(&plan, 0);
        assert!(fs::read_dir(&temporary).unwrap().next().is_none(), "{forge}: the key is left behind");
        let plans = ["plans/clusters-good.kdl.kapplan", "plans/clusters-team-other.kdl.kapplan"].map(|plan| kaphost.folder().join(plan));
        let signature = |plan: &Path| plan.with_extension("kapplan.sig");
        assert!(plans.iter().all(|plan| plan.exists() && signature(plan).exists()), "{forge}");
        assert!(!cloud().contains("kapacitor-good"), "{forge}: a plan changes nothing");

        // Not what was signed; signed by nobody; something else since.
        let kept = fs::read_to_string(&plans[0]).unwrap();
        fs::write(&plans[0], kept.replacen("t3.small", "t3.large", 1)).unwrap();
        expect(&apply, 6);
        fs::write(&plans[0], &kept).unwrap();
        let signed = fs::read(signature(&plans[0])).unwrap();
        fs::remove_file(signature(&plans[0])).unwrap();
        expect(&apply, 6);
        fs::write(signature(&plans[0]), signed).unwrap();
        let config = fs::read_to_string(kaphost.folder().join("clusters/good.kdl")).unwrap();
        kaphost.write("clusters/good.kdl", &config.replace("office", "offices")).unwrap();
        expect(&apply, 6);
        kaphost.write("clusters/good.kdl", &config).unwrap();
        assert!(!cloud().contains("kapacitor-good"), "{forge}: nothing was done");

        let applied = expect(&apply, 0);
        assert_eq!(applied.stdout.matches("asg_name").count(), 2, "{forge}: {applied}");
        assert!(cloud().contains("kapacitor-good") && cloud().contains("kapacitor-other"), "{forge}");
        expect(&apply, 6);
        // Planned again there is nothing to do, and doing that is no mistake.
        expect(&plan, 0);
        expect(&apply, 0);
        // What a policy denies is not planned.
        kaphost.write("clusters/team/other.kdl", &config.replace("10.0.0.0/8", "0.0.0.0/0")).unwrap();
        expect(&plan, 3);
    }
}
