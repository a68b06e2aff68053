//! A marked secret in user data, looked for in everything that kaphost says and writes: no command, no format, no failure and no file shows it, in the clear or encoded. AWS gets it, in
//! the calls that send it, and the lab's file holds it, which is the cloud.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

mod forms;
mod mistakes;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::SystemTime;

use kaphost_tests::{APPLY, DESTROY, Fault, Kaphost, Rule, Run, Set, Stage};
use sha2::{Digest as _, Sha256};

use self::forms::Forms;

/// Nothing else is spelt so.
const SECRET: &str = "Xq7vLm2GeheimnisPw9kTz";

/// Every file below a folder but these. What is gone by now, another run has put into its place.
fn files(folder: &Path, but: &[&str], found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().filter_map(Result::ok).map(|entry| entry.path()) {
        if path.is_dir() {
            files(&path, but, found);
        } else if !but.contains(&path.file_name().unwrap().to_str().unwrap()) {
            found.push(path);
        }
    }
}

/// The cache of all runs: compiling the policies for each home takes longer than all that is done with them.
static CACHE: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

/// kaphost, watched.
struct Watch<'a> {
    kaphost: &'a Kaphost,
    forms: Forms,
    /// Files that hold the secret: the sources, and the lab's cloud.
    but: Vec<&'static str>,
    /// What was looked through, and was not written since.
    seen: BTreeMap<PathBuf, (u64, SystemTime)>,
    /// Commands that were run.
    commands: BTreeSet<String>,
    /// What every command is run with, one after the other.
    ways: &'static [&'static str],
}

/// As people and programs see it, and at every verbosity.
const EVERY_WAY: &[&str] = &["", "--verbose", "--output json", "--output json --verbose", "--color always --verbose"];
/// Those of them that say the most.
const LOUDEST: &[&str] = &["--color always --verbose", "--output json --verbose"];

impl<'a> Watch<'a> {
    fn new(kaphost: &'a Kaphost, but: &[&'static str], ways: &'static [&'static str]) -> Self {
        Self { kaphost, forms: Forms::of(SECRET), but: but.to_vec(), seen: BTreeMap::new(), commands: BTreeSet::new(), ways }
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = self.kaphost.command();
        command.args(arguments.split_whitespace()).env("BOOT", user_data()).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
        command.env("KAPHOST_CACHE_DIR", CACHE.path());
        command
    }

    fn run(&mut self, code: i32, arguments: &str) -> Run {
        let run = Run::of(&mut self.command(arguments)).unwrap();
        self.look(code, arguments, &run);
        self.commands.insert(arguments.split_whitespace().next().unwrap_or_default().to_owned());
        run
    }

    fn look(&mut self, code: i32, arguments: &str, run: &Run) {
        for (stream, text) in [("standard output", &run.stdout), ("standard error", &run.stderr)] {
            let found = self.forms.in_bytes(text.as_bytes());
            assert_eq!(found, None, "`{arguments}` shows the secret on {stream}: {run}");
        }
        assert_eq!(run.code, Some(code), "{arguments}: {run}");
        self.files(arguments);
    }

    /// In every form of output, and at every verbosity.
    fn everywhere(&mut self, code: i32, arguments: &str) {
        for more in self.ways {
            self.run(code, &format!("{arguments} {more}"));
        }
    }

    fn files(&mut self, arguments: &str) {
        let mut all = Vec::new();
        files(self.kaphost.home(), &self.but, &mut all);
        files(CACHE.path(), &self.but, &mut all);
        for file in all {
            let Ok(about) = fs::metadata(&file) else { continue };
            let state = (about.len(), about.modified().unwrap());
            if self.seen.get(&file) == Some(&state) {
                continue;
            }
            let bytes = fs::read(&file).unwrap_or_default();
            assert_eq!(self.forms.in_bytes(&bytes), None, "after `{arguments}` the secret is in {}", file.display());
            self.seen.insert(file, state);
        }
    }
}

fn user_data() -> String {
    format!("#!/bin/sh\n# grüße\nexport PASSWORD='{SECRET}'\ncurl https://example.com/{SECRET}\n")
}

/// The ways to say user data, and the files that hold the secret.
fn ways() -> Vec<(&'static str, String, Vec<&'static str>)> {
    let quoted = user_data().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let lines: String = user_data().lines().map(|line| format!("        {line}\n")).collect();
    let block = "\n    kapacitor {\n        influxdb \"http://influxdb.example.com:8086\"\n    }";
    // What is appended to Kapacitor's configuration goes into user data, too, and holds passwords of what it alerts by.
    let alerts = format!("{} extra-config \"[smtp]\\npassword = '{SECRET}'\\n\"\n    }}", block.trim_end_matches('}'));
    vec![
        ("inline", format!("user-data \"{quoted}\""), vec!["cluster.kdl"]),
        ("on several lines", format!("user-data \"\"\"\n{lines}        \"\"\""), vec!["cluster.kdl"]),
        ("beside a boot script", format!("user-data #\"\"\"\n{lines}        \"\"\"#{alerts}"), vec!["cluster.kdl"]),
        ("from a file", format!("user-data (file)\"boot.sh\"{block}"), vec!["boot.sh"]),
        ("from a variable", "user-data (env)\"BOOT\"".to_owned(), vec![]),
    ]
}

fn config(user_data: &str) -> String {
    format!(
        "cluster \"kapacitor-stage\" region=\"us-east-1\" {{\n    ami \"ami-0abcd1234abcd1234\"\n    instance-type \"t3.small\"\n    \
         network vpc=\"vpc-0a1b2c3d\" {{\n        subnets \"subnet-0aaa1111\"\n    }}\n    ssh {{\n        allow cidr=\"0.0.0.0/0\" description=\"everybody\"\n    }}\n    \
         root-volume encrypted=#false\n    {user_data}\n    tag \"Owner\" \"metrics\"\n}}\n"
    )
}

/// Policies that change, advise, deny and read user data.
fn policies(kaphost: &Kaphost) {
    kaphost.knows(&["dedicated-tenancy", "encrypted-volumes", "restrict-ssh", "no-secrets-in-user-data"]).unwrap();
    Set::at(kaphost.folder().join("sets/org.kdl"))
        .with_built("dedicated-tenancy", "remediate", &["writes \"tenancy\""])
        .unwrap()
        .with_built("encrypted-volumes", "remediate", &["writes \"root-volume.encrypted\""])
        .unwrap()
        .with_built("restrict-ssh", "advisory", &[])
        .unwrap()
        .write()
        .unwrap();
    Set::at(kaphost.folder().join("sets/no.kdl"))
        .with_built("restrict-ssh", "mandatory", &[])
        .unwrap()
        .with_built("no-secrets-in-user-data", "mandatory", &["user-data"])
        .unwrap()
        .write()
        .unwrap();
}

const KEY: &str =
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEICrTKbG04r6ZPs9QOfcTlbrd/7gXWN0AwTYCQdV8gkGs\n-----END PRIVATE KEY-----\n";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEACdqwjhbhuP7vZQ8RqsGlZKN/QnC4QIHT9cDNh01BL7U=\n-----END PUBLIC KEY-----\n";

/// Commands that are told nothing of a cluster.
const OF_NO_CLUSTER: [&str; 4] = ["schema", "completions", "man", "help"];

#[test]
fn no_command_shows_or_keeps_what_is_inline() {
    let seen = no_command_shows_or_keeps_it("inline", EVERY_WAY);
    // Whoever adds a command adds it to what is run below.
    let help = Kaphost::offline().unwrap().run(["--help"]).unwrap();
    let list = help.stdout.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap();
    let commands =
        list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    let missing: Vec<&str> = commands.filter(|command| !OF_NO_CLUSTER.contains(command) && !seen.contains(*command)).collect();
    assert_eq!(
        missing, [""; 0],
        "not looked at for secrets: run them in `no_command_shows_or_keeps_it`, or say in OF_NO_CLUSTER that they are told none"
    );
}

#[test]
fn no_command_shows_or_keeps_what_is_on_several_lines() {
    no_command_shows_or_keeps_it("on several lines", LOUDEST);
}

#[test]
fn no_command_shows_or_keeps_what_is_beside_a_boot_script() {
    no_command_shows_or_keeps_it("beside a boot script", LOUDEST);
}

#[test]
fn no_command_shows_or_keeps_what_is_in_a_file() {
    no_command_shows_or_keeps_it("from a file", LOUDEST);
}

#[test]
fn no_command_shows_or_keeps_what_is_in_a_variable() {
    no_command_shows_or_keeps_it("from a variable", LOUDEST);
}

/// Gives the commands that were run.
fn no_command_shows_or_keeps_it(what: &str, forms: &'static [&'static str]) -> BTreeSet<String> {
    let (_, node, holders) = ways().into_iter().find(|(name, ..)| *name == what).unwrap();
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("cluster.kdl", &config(&node)).unwrap();
    kaphost.write("boot.sh", &user_data()).unwrap();
    kaphost.write("key.pem", KEY).unwrap();
    kaphost.write("key.pub", PUBLIC).unwrap();
    policies(&kaphost);
    // The lab's cloud, and what the config of an adopted server is written to, hold it.
    let but = [holders.as_slice(), &["boot.sh", "lab.json", "main.tf"]].concat();
    let mut watch = Watch::new(&kaphost, &but, forms);
    let lab = "--cloud lab:lab.json";
    let with = "--policy sets/org.kdl";

    watch.everywhere(0, &format!("check cluster.kdl {with}"));
    for form in ["ndjson", "sarif", "junit", "github", "tap"] {
        watch.run(0, &format!("check cluster.kdl {with} --output {form}"));
        watch.run(3, &format!("check cluster.kdl --policy sets/no.kdl --output {form} --verbose"));
    }
    watch.everywhere(3, "check cluster.kdl --policy sets/no.kdl --record denied.json");
    watch.everywhere(0, &format!("check cluster.kdl {with} --record record.json --sign key.pem"));
    watch.everywhere(0, "replay record.json");
    watch.everywhere(0, "verify record.json --key key.pub");
    watch.run(0, "report record.json --html -o page.html --verbose");
    watch.run(0, "report denied.json --verbose");
    watch.everywhere(3, "policy run sets/restrict-ssh.wasm cluster.kdl");
    let cases = "config file=\"../cluster.kdl\"\ncase \"a\" { expect { violation \"no-world-ssh\" line=1; }; }\ncase \"b\" { replace \"t3.small\" \"t3 small\"; }\n";
    kaphost.write("cases/a.kdl", cases).unwrap();
    watch.everywhere(1, "policy test sets/restrict-ssh.wasm --cases cases --generated 20");
    for form in ["junit", "tap"] {
        watch.run(1, &format!("policy test sets/restrict-ssh.wasm --cases cases --generated 20 --output {form}"));
    }
    watch.run(0, "policy bench sets/restrict-ssh.wasm cluster.kdl --verbose");
    watch.everywhere(0, "policy diff sets/restrict-ssh.wasm sets/dedicated-tenancy.wasm --corpus cluster.kdl");
    watch.everywhere(0, &format!("explain cluster.kdl user-data {with}"));
    watch.everywhere(0, &format!("plan cluster.kdl {with} {lab} --blame=all"));
    watch.everywhere(0, &format!("plan cluster.kdl {with} {lab} --iam-policy"));
    watch.everywhere(0, &format!("plan cluster.kdl {with} {lab} --out p.kapplan --sign key.pem"));
    watch.everywhere(0, "show p.kapplan");
    watch.everywhere(0, "verify p.kapplan --key key.pub");
    // Nor does the plan hold a digest with which a guess could be tried.
    let plan = fs::read_to_string(kaphost.folder().join("p.kapplan")).unwrap();
    for text in [user_data(), fs::read_to_string(kaphost.folder().join("cluster.kdl")).unwrap()] {
        let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!plan.contains(&digest[..12]), "{what}: {plan}");
    }
    assert!(plan.contains("salted:") && !plan.contains("\"sha256:"), "{what}: {plan}");
    watch.run(0, &format!("apply p.kapplan {lab} --require-signature key.pub --verbose"));
    watch.run(6, &format!("apply p.kapplan {lab} --output json"));
    let cloud = fs::read(kaphost.folder().join("lab.json")).unwrap();
    assert!(watch.forms.in_bytes(&cloud).is_some() || what.contains("boot"), "{what}: the cloud has it");

    watch.everywhere(0, &format!("apply cluster.kdl {with} {lab} --auto-approve"));
    for command in ["status", "output", "facts"] {
        watch.everywhere(0, &format!("{command} cluster.kdl {lab}"));
    }
    watch.everywhere(0, &format!("adopt cluster.kdl {with} {lab} --dry-run"));
    // Another script: the old one is shown as a digest, too.
    let changed = config(&node).replace("grüße", "greetings").replace("t3.small", "t3.large");
    kaphost.write("cluster.kdl", &changed).unwrap();
    watch.everywhere(0, &format!("plan cluster.kdl {with} {lab}"));
    watch.everywhere(3, &format!("apply cluster.kdl --policy sets/no.kdl {lab} --auto-approve"));
    watch.run(6, &format!("apply p.kapplan {lab} --output json"));
    watch.run(0, &format!("apply cluster.kdl {with} {lab} --auto-approve --verbose --record applied.json"));
    // Drift, and a record that does not come out the same.
    watch.run(6, "replay record.json --output json");
    watch.run(6, "replay record.json --verbose");
    watch.everywhere(0, &format!("destroy cluster.kdl {lab} --auto-approve"));
    // What a file says that is converted. The config that comes of it holds it, as the file does.
    kaphost
        .write(
            "main.tf",
            &format!("module \"a\" {{\n  source = \"x/kapacitor-server\"\n  user_data = lookup({{ a = \"{SECRET}\" }}, \"b\")\n}}\n"),
        )
        .unwrap();
    watch.everywhere(1, "convert main.tf");
    watch.commands
}

/// AWS gets it, in the calls that send it, and kaphost says nothing of it, also when these fail.
#[test]
fn only_aws_gets_it() {
    let mut stage = Stage::new().unwrap();
    stage.kaphost.write("boot.sh", &user_data()).unwrap();
    stage.change(|config| config.more.push("user-data (file)\"boot.sh\"".to_owned())).unwrap();
    let forms = Forms::of(SECRET);
    let silent = |run: &Run| assert_eq!(forms.in_bytes(format!("{}{}", run.stdout, run.stderr).as_bytes()), None, "{run}");
    let refused = Fault::Error {
        status: 400,
        code: "InvalidUserData.Malformed".to_owned(),
        message: "Invalid BASE64 encoding of user data.".to_owned(),
    };
    stage.account.fault(&Rule::new(refused).action("CreateLaunchTemplate")).unwrap();
    let failed = stage.run(&format!("{} --verbose", APPLY)).unwrap();
    assert_ne!(failed.code, Some(0));
    silent(&failed);
    stage.account.clear_faults().unwrap();
    let (run, calls) = stage.expect(0, &format!("{} --output json", APPLY)).unwrap();
    silent(&run);
    // The log of the emulator keeps user data as a digest; which calls have any shows all the same.
    let sending: Vec<&str> = calls
        .iter()
        .filter(|call| call.parameters.keys().any(|name| name.ends_with("UserData")))
        .map(|call| call.action.as_str())
        .collect();
    assert_eq!(sending, ["CreateLaunchTemplate"]);
    for call in calls.iter().filter(|call| call.action != "CreateLaunchTemplate") {
        assert_eq!(forms.in_bytes(format!("{call:?}").as_bytes()), None, "{call:?}");
    }
    for arguments in [
        "status cluster.kdl",
        "output cluster.kdl",
        "facts cluster.kdl",
        "plan cluster.kdl --policy org.wasm --out p.kapplan",
        "show p.kapplan",
    ] {
        silent(&stage.run(arguments).unwrap());
    }
    silent(&stage.expect(0, DESTROY).unwrap().0);
}
