//! A marked secret in user data, looked for in everything that kaphost says and writes: no command, no format, no failure and no file shows it, in the clear or encoded. AWS gets it, in
//! the calls that send it, and the lab's file holds it, which is the cloud.

#![expect(clippy::unwrap_used, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kaphost_tests::{APPLY, DESTROY, Fault, Kaphost, Rule, Run, Set, Stage};
use sha2::{Digest as _, Sha256};

/// Nothing else is spelt so.
const SECRET: &str = "Xq7vLm2GeheimnisPw9kTz";

/// How a secret may hide.
struct Forms(Vec<(&'static str, Vec<u8>)>);

impl Forms {
    fn of(secret: &str) -> Self {
        let mut forms = vec![("in the clear", secret.as_bytes().to_vec()), ("backwards", secret.bytes().rev().collect())];
        // Base64 depends on how many bytes stand before: what is the same whatever stands around is looked for.
        for before in 0..3 {
            let encoded = STANDARD.encode([vec![0; before], secret.as_bytes().to_vec()].concat());
            let (from, to) = ([0, 2, 3][before], encoded.trim_end_matches('=').len() - 2);
            forms.push(("in base64", encoded.as_bytes()[from..to].to_vec()));
        }
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        forms.push(("in hexadecimal", hex.clone().into_bytes()));
        forms.push(("in hexadecimal", hex.to_uppercase().into_bytes()));
        // As JSON may escape every letter, and as XML may.
        forms.push(("in JSON's escapes", secret.bytes().map(|byte| format!("\\u{byte:04x}")).collect::<String>().into_bytes()));
        forms.push(("in XML's escapes", secret.bytes().map(|byte| format!("&#{byte};")).collect::<String>().into_bytes()));
        forms.push(("in URLs' escapes", secret.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>().into_bytes()));
        forms.push(("as numbers", secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", ").into_bytes()));
        forms.push(("in UTF-16", secret.encode_utf16().flat_map(u16::to_le_bytes).collect()));
        Self(forms)
    }

    /// How it hides in these bytes.
    fn in_bytes(&self, bytes: &[u8]) -> Option<&'static str> {
        let found = |bytes: &[u8], form: &Vec<u8>| bytes.windows(form.len()).any(|part| part == form.as_slice());
        // MIME breaks its lines, and JSON escapes the breaks.
        let unbroken: Vec<u8> = String::from_utf8_lossy(bytes)
            .replace("\\n", "")
            .replace("\\r", "")
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        let hides = |form: &Vec<u8>| found(bytes, form) || found(&unbroken, form);
        self.0.iter().find(|(_, form)| hides(form)).map(|(name, _)| *name)
    }
}

#[test]
fn a_secret_is_found_in_every_form() {
    let forms = Forms::of(SECRET);
    for (what, bytes) in [
        ("in the clear", format!("x{SECRET}y").into_bytes()),
        ("in base64", STANDARD.encode(format!("{SECRET}y")).into_bytes()),
        ("in base64", STANDARD.encode(format!("xy{SECRET}z")).into_bytes()),
        ("in base64", STANDARD.encode(format!("abcd{SECRET}")).into_bytes()),
        ("in base64", STANDARD.encode(format!("abc d{SECRET}")).into_bytes()),
    ] {
        assert_eq!(forms.in_bytes(&bytes), Some(what), "{:?}", String::from_utf8_lossy(&bytes));
    }
    assert_eq!(forms.in_bytes(STANDARD.encode("something else that is long enough").as_bytes()), None);
}

/// Every file below a folder but these.
fn files(folder: &Path, but: &[&str], found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            files(&path, but, found);
        } else if !but.contains(&path.file_name().unwrap().to_str().unwrap()) {
            found.push(path);
        }
    }
}

/// kaphost, watched.
struct Watch<'a> {
    kaphost: &'a Kaphost,
    forms: Forms,
    /// Files that hold the secret: the sources, and the lab's cloud.
    but: Vec<&'static str>,
    runs: usize,
}

impl<'a> Watch<'a> {
    fn new(kaphost: &'a Kaphost, but: &[&'static str]) -> Self {
        Self { kaphost, forms: Forms::of(SECRET), but: but.to_vec(), runs: 0 }
    }

    fn run(&mut self, code: i32, arguments: &str) -> Run {
        let mut command = self.kaphost.command();
        command.args(arguments.split_whitespace()).env("BOOT", user_data()).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
        let run = Run::of(&mut command).unwrap();
        for (stream, text) in [("standard output", &run.stdout), ("standard error", &run.stderr)] {
            let found = self.forms.in_bytes(text.as_bytes());
            assert_eq!(found, None, "`{arguments}` shows the secret on {stream}: {run}");
        }
        assert_eq!(run.code, Some(code), "{arguments}: {run}");
        self.files(arguments);
        self.runs += 1;
        run
    }

    /// In every form of output, and at every verbosity.
    fn everywhere(&mut self, code: i32, arguments: &str) {
        for more in ["", "--verbose", "--output json", "--output json --verbose", "--color always"] {
            self.run(code, &format!("{arguments} {more}"));
        }
    }

    fn files(&self, arguments: &str) {
        let mut all = Vec::new();
        files(self.kaphost.home(), &self.but, &mut all);
        for file in all {
            let bytes = fs::read(&file).unwrap_or_default();
            assert_eq!(self.forms.in_bytes(&bytes), None, "after `{arguments}` the secret is in {}", file.display());
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
    vec![
        ("inline", format!("user-data \"{quoted}\""), vec!["cluster.kdl"]),
        ("on several lines", format!("user-data \"\"\"\n{lines}        \"\"\""), vec!["cluster.kdl"]),
        ("beside a boot script", format!("user-data #\"\"\"\n{lines}        \"\"\"#{block}"), vec!["cluster.kdl"]),
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

#[test]
fn no_command_shows_or_keeps_it() {
    for (what, node, holders) in ways() {
        let kaphost = Kaphost::offline().unwrap();
        kaphost.write("cluster.kdl", &config(&node)).unwrap();
        kaphost.write("boot.sh", &user_data()).unwrap();
        kaphost.write("key.pem", KEY).unwrap();
        kaphost.write("key.pub", PUBLIC).unwrap();
        policies(&kaphost);
        let mut watch = Watch::new(&kaphost, &[holders.as_slice(), &["boot.sh", "lab.json"]].concat());
        let lab = "--cloud lab:lab.json";
        let with = "--policy sets/org.kdl";

        watch.everywhere(0, &format!("check cluster.kdl {with}"));
        for form in ["ndjson", "sarif", "junit", "github", "tap"] {
            // Those that this version has.
            let mut command = kaphost.command();
            let known = Run::of(command.args(["check", "nothing.kdl", "--output", form])).unwrap().code != Some(64);
            if known {
                watch.run(0, &format!("check cluster.kdl {with} --output {form}"));
                watch.run(3, &format!("check cluster.kdl --policy sets/no.kdl --output {form} --verbose"));
            }
        }
        watch.everywhere(3, "check cluster.kdl --policy sets/no.kdl --record denied.json");
        watch.everywhere(0, &format!("check cluster.kdl {with} --record record.json --sign key.pem"));
        watch.everywhere(0, "replay record.json");
        watch.everywhere(0, "verify record.json --key key.pub");
        watch.everywhere(0, &format!("explain cluster.kdl user-data {with}"));
        watch.everywhere(0, &format!("plan cluster.kdl {with} {lab} --blame=all"));
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
        assert!(
            watch.forms.in_bytes(&fs::read(kaphost.folder().join("lab.json")).unwrap()).is_some() || what.contains("boot"),
            "{what}: the cloud has it"
        );

        watch.everywhere(0, &format!("apply cluster.kdl {with} {lab} --auto-approve"));
        for command in ["status", "output", "facts"] {
            watch.everywhere(0, &format!("{command} cluster.kdl {lab}"));
        }
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
        assert!(watch.runs > 60, "{}", watch.runs);
    }
}

/// Mistakes on the line of the user data, next to it, in its name, and in the text as such.
#[test]
fn no_mistake_quotes_it() {
    let kaphost = Kaphost::offline().unwrap();
    let mut watch = Watch::new(&kaphost, &["cluster.kdl"]);
    let line = format!("export PASSWORD={SECRET}");
    let inline = format!("user-data \"{line}\"");
    let long = format!("user-data \"{SECRET}{}\"", "x".repeat(20_000));
    let sound = config(&inline);
    let wrong = sound.replace("root-volume encrypted=#false", "root-volume encrypted=\"maybe\"");
    for (what, text) in [
        ("the line above", wrong.clone()),
        ("the line below", sound.replace("tag \"Owner\" \"metrics\"", "tag \"aws:Owner\" \"metrics\"")),
        ("an unknown node below", sound.replace("tag \"Owner\"", "tog \"Owner\"")),
        ("a further value", sound.replace(&inline, &format!("{inline} \"{SECRET}\""))),
        ("a property", sound.replace(&inline, &format!("{inline} mode=\"{SECRET}\""))),
        ("a property alone", sound.replace(&inline, &format!("user-data text=\"{SECRET}\""))),
        ("children", sound.replace(&inline, &format!("user-data {{\n        {line}\n    }}"))),
        (
            "a script without quotes",
            sound.replace(&inline, &format!("user-data {{\n#!/bin/sh\n{line}; echo \"$PASSWORD\" | tee 'x' # }}\n}}")),
        ),
        ("twice", sound.replace(&inline, &format!("{inline}\n    {inline}"))),
        ("in defaults, and wrong", format!("defaults {{\n    {inline} 5\n}}\n{sound}")),
        ("too long", sound.replace(&inline, &long)),
        ("a comment beside it", wrong.replace(&inline, &format!("user-data \"x\" // {SECRET}"))),
        ("misspelt", sound.replace("user-data", "userdata")),
        ("misspelt otherwise", sound.replace("user-data", "user_dta")),
        ("an unknown annotation", sound.replace("user-data \"", "user-data (base64)\"")),
        ("a file that is none", sound.replace(&inline, &format!("user-data (file)\"nowhere/boot.sh\"\n    // user-data \"{SECRET}\""))),
        ("no end of the string", sound.replace(&format!("{SECRET}\""), SECRET)),
        ("no end of several lines", sound.replace(&inline, &format!("user-data \"\"\"\n    {line}\n"))),
        ("several lines in one", sound.replace(&inline, &format!("user-data \"\n    {line}\n\""))),
        ("lines that are not indented", sound.replace(&inline, &format!("user-data \"\"\"\n  {line}\n    \"\"\""))),
        ("an unknown escape", sound.replace(SECRET, &format!("\\q{SECRET}"))),
        ("a bare word", wrong.replace(&inline, &format!("user-data {SECRET}"))),
        ("commented out", sound.replace(&inline, &format!("/-user-data \"{SECRET}\" (\n    root-volume size=0"))),
        ("a string without an end before it", sound.replace("\"t3.small\"", "\"t3.small")),
        ("no end of the file", sound[..sound.find("tag \"Owner\"").unwrap()].to_owned()),
        ("on the cluster's line", format!("cluster \"a\" region=\"us-east-1\" {{ amy \"ami-0abcd1234\"; {inline}; }}\n")),
    ] {
        kaphost.write("cluster.kdl", &text).unwrap();
        for command in ["check", "plan", "apply --auto-approve", "explain", "status", "destroy --auto-approve"] {
            let (name, flags) = command.split_once(' ').unwrap_or((command, ""));
            let path = if name == "explain" { "tenancy" } else { "" };
            let lab = if matches!(name, "check" | "explain") { "" } else { "--cloud lab:lab.json" };
            for form in ["", "--output json", "--verbose"] {
                let mut command = kaphost.command();
                command.args(format!("{name} cluster.kdl {path} {lab} {flags} {form}").split_whitespace());
                let run = Run::of(&mut command).unwrap();
                let found = watch.forms.in_bytes(format!("{}{}", run.stdout, run.stderr).as_bytes());
                assert_eq!(found, None, "{what}: {name} {form}: {run}");
                assert!(run.code.is_some_and(|code| code == 1), "{what}: {name}: {run}");
            }
        }
        watch.files(what);
    }
    // Beside what is covered, the snippet still shows what is wrong.
    kaphost.write("cluster.kdl", &wrong).unwrap();
    let run = watch.run(1, "check cluster.kdl");
    assert!(run.stderr.contains("encrypted=\"maybe\"") && run.stderr.contains("user-data \"****** ********"), "{run}");
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
