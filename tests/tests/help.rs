//! The command line as such: its help, its exit codes, wrong usage, JSON for whoever asks for it, and colour only where it is wanted.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may fail loudly, outside of test functions too")]

use std::fs;
use std::path::Path;

use kaphost_tests::{Kaphost, OPEN, Run};
use serde_json::Value;

const COMMANDS: [&str; 18] = [
    "check",
    "plan",
    "apply",
    "adopt",
    "destroy",
    "status",
    "output",
    "explain",
    "facts",
    "show",
    "verify",
    "replay",
    "report",
    "convert",
    "schema",
    "completions",
    "man",
    "policy",
];

/// Of `kaphost policy`.
const OF_POLICY: [&str; 13] =
    ["new", "build", "inspect", "run", "test", "bench", "diff", "push", "pull", "sign", "verify", "digest", "lock"];

fn repository(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// kaphost with a sound config, one that holds a mistake, and the policy that denies the first.
fn kaphost() -> Kaphost {
    let kaphost = Kaphost::offline().unwrap();
    kaphost.write("cluster.kdl", OPEN).unwrap();
    kaphost.write("mistake.kdl", &OPEN.replace("t3.small", "t3 small")).unwrap();
    kaphost.write("ssm.kdl", &OPEN.replace("ami \"ami-0abcd1234abcd1234\"", "ami (ssm)\"/images/kapacitor\"")).unwrap();
    kaphost.write("no.wasm", "no").unwrap();
    kaphost.write("no-lab.json", "no").unwrap();
    kaphost.give("org", "org.wasm").unwrap();
    kaphost
}

fn run(kaphost: &Kaphost, code: i32, arguments: &str) -> Run {
    let run = kaphost.run_narrow(arguments).unwrap();
    assert_eq!(run.code, Some(code), "{arguments}: {run}");
    run
}

#[test]
fn help_is_what_it_was_and_fits_eighty_columns() {
    let kaphost = Kaphost::offline().unwrap();
    let mut all = vec![("kaphost".to_owned(), "--help".to_owned())];
    all.extend(COMMANDS.map(|command| (command.to_owned(), format!("{command} --help"))));
    all.extend(OF_POLICY.map(|command| (format!("policy_{command}"), format!("policy {command} --help"))));
    for (name, arguments) in all {
        let help = run(&kaphost, 0, &arguments);
        assert!(help.stderr.is_empty(), "{help}");
        // Examples are command lines, which are not broken.
        let prose = help.stdout.split("Examples:").next().unwrap();
        for line in prose.lines() {
            assert!(line.chars().count() <= 80, "{name}: {line}");
        }
        let trimmed: String = help.stdout.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        insta::assert_snapshot!(format!("help_{name}"), trimmed);
    }
    let version = run(&kaphost, 0, "--version");
    assert_eq!(version.stdout, format!("kaphost {}\n", env!("CARGO_PKG_VERSION")));
}

/// The commands that a help lists.
fn listed(help: &str) -> Vec<&str> {
    help.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')).and_then(|rest| rest.split(' ').next()))
        .filter(|command| *command != "help")
        .collect()
}

#[test]
fn every_command_is_in_the_help_and_in_the_readme() {
    let kaphost = Kaphost::offline().unwrap();
    let help = run(&kaphost, 0, "--help").stdout;
    assert_eq!(listed(&help), COMMANDS);
    assert_eq!(listed(&run(&kaphost, 0, "policy --help").stdout), OF_POLICY);
    let readme = repository("README.md");
    for command in COMMANDS {
        assert!(readme.contains(&format!("| `kaphost {command} ")), "the README's table has no `{command}`");
    }
}

/// The table of the README is the program's.
#[test]
fn the_readmes_exit_codes_are_the_programs() {
    let kaphost = Kaphost::offline().unwrap();
    let help = run(&kaphost, 0, "--help").stdout;
    let of_program: Vec<(String, String)> = help
        .lines()
        .skip_while(|line| *line != "Exit codes:")
        .skip(1)
        .filter_map(|line| line.trim().split_once("  ").map(|(code, meaning)| (code.to_owned(), meaning.to_owned())))
        .collect();
    let readme = repository("README.md");
    let of_readme: Vec<(String, String)> = readme
        .lines()
        .skip_while(|line| *line != "| exit | meaning |")
        .skip(2)
        .map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "))
        .map(|(code, meaning)| (code.to_owned(), meaning.replace('`', "")))
        .collect();
    assert_eq!(of_program.len(), 8, "{help}");
    assert_eq!(of_readme, of_program);
}

#[test]
fn wrong_usage_is_told_apart_from_everything_else() {
    let kaphost = kaphost();
    for arguments in [
        "",
        "chek cluster.kdl",
        "check",
        "plan cluster.kdl extra.kdl",
        "check cluster.kdl --polcy org.wasm",
        "check cluster.kdl --output yaml",
        "check cluster.kdl --color sometimes",
        "check cluster.kdl --set narrow=true",
        "plan cluster.kdl --cloud azure",
        "plan cluster.kdl --cloud lab:",
        "output cluster.kdl nonsense --cloud lab:lab.json",
        "explain cluster.kdl",
        "explain cluster.kdl ..",
    ] {
        let run = run(&kaphost, 64, arguments);
        assert!(run.stdout.is_empty() && !run.stderr.is_empty(), "{arguments}: {run}");
    }
}

#[test]
fn whoever_asks_for_json_gets_json_whatever_happens() {
    let kaphost = kaphost();
    for (code, arguments) in [
        (0, "check cluster.kdl"),
        (0, "plan cluster.kdl --cloud lab:lab.json"),
        (0, "status cluster.kdl --cloud lab:lab.json"),
        (0, "output cluster.kdl --cloud lab:lab.json"),
        (0, "explain cluster.kdl tenancy"),
        (0, "destroy cluster.kdl --cloud lab:lab.json"),
        (0, "policy inspect org.wasm"),
        (3, "policy run org.wasm cluster.kdl"),
        (0, "policy diff org.wasm org.wasm --corpus cluster.kdl"),
        (1, "policy test org.wasm"),
        (1, "policy build"),
        (4, "policy inspect no.wasm"),
        (64, "policy run org.wasm cluster.kdl --set colour=blue"),
        (1, "check missing.kdl"),
        (1, "check mistake.kdl"),
        (1, "plan ssm.kdl --cloud lab:lab.json"),
        (1, "explain cluster.kdl nonsense"),
        (1, "apply cluster.kdl --cloud lab:lab.json"),
        (1, "output cluster.kdl asg_name --cloud lab:lab.json"),
        (1, "plan cluster.kdl --cloud lab:no-lab.json"),
        (1, "plan cluster.kdl"),
        (2, "plan cluster.kdl --cloud lab:lab.json --detailed-exitcode"),
        (3, "check cluster.kdl --policy org.wasm"),
        (4, "check cluster.kdl --policy no.wasm"),
        (64, "check cluster.kdl --policy org.wasm --set colour=blue"),
        (64, "check cluster.kdl --set colour=blue"),
        (64, "chek cluster.kdl"),
        (64, "check"),
    ] {
        let run = run(&kaphost, code, &format!("{arguments} --output json"));
        let document: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{arguments}: {error}: {run}"));
        // A command line that cannot be read has no command; what can be read and makes no sense has.
        let mut words = arguments.split(' ');
        let command = match (arguments, words.next(), words.next()) {
            ("chek cluster.kdl" | "check", ..) => "usage".to_owned(),
            (_, Some("policy"), Some(command)) => format!("policy-{command}"),
            (_, command, _) => command.unwrap_or_default().to_owned(),
        };
        let mut starts = format!("{{\n  \"schema\": \"kaphost.{command}/1\",\n");
        // What `facts` gives is kept and read again, by which time it does not matter how that run ended.
        if command != "facts" || code != 0 {
            starts += &format!("  \"exit\": {code},\n");
        }
        assert!(run.stdout.starts_with(&starts), "{arguments}: {run}");
        if code != 0 && code != 2 {
            let problems = [&document["problems"], &document["diagnostics"]].into_iter().find_map(Value::as_array).unwrap();
            assert!(!problems.is_empty(), "{arguments}: {run}");
            for problem in problems {
                assert!(problem["code"].is_string() && problem["message"].is_string() && problem["help"].is_string(), "{arguments}: {run}");
            }
            assert!(!run.stderr.is_empty(), "people are told as well: {arguments}: {run}");
        }
    }
}

#[test]
fn colour_is_where_it_is_wanted_and_nowhere_else() {
    let kaphost = kaphost();
    let colours = |arguments: &str, no_color: Option<&str>, term: &str| {
        let mut command = kaphost.command();
        command.args(arguments.split(' ')).env_remove("NO_COLOR").env("TERM", term);
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        let run = Run::of(&mut command).unwrap();
        (run.stdout.contains('\u{1b}'), run.stderr.contains('\u{1b}'))
    };
    // A pipe is no terminal.
    for arguments in ["plan cluster.kdl --cloud lab:lab.json", "check cluster.kdl --policy org.wasm", "check mistake.kdl", "--help", "chek"]
    {
        assert_eq!(colours(arguments, None, "xterm-256color"), (false, false), "{arguments}");
        assert_eq!(colours(arguments, Some("1"), "xterm-256color"), (false, false), "{arguments}");
        assert_eq!(colours(&format!("{arguments} --color never"), None, "xterm-256color"), (false, false), "{arguments}");
    }
    assert_eq!(colours("plan cluster.kdl --cloud lab:lab.json --preflight never --color always", None, "xterm-256color"), (true, false));
    assert_eq!(colours("check cluster.kdl --policy org.wasm --color always", None, "xterm-256color"), (false, true));
    // What is said last and nearest wins: the flag is nearer than the environment.
    assert_eq!(colours("check mistake.kdl --color always", Some("1"), "dumb"), (false, true));
    // JSON is for programs, whatever is said of colour.
    assert!(!colours("plan cluster.kdl --cloud lab:lab.json --color always --output json", None, "xterm-256color").0);
}

/// Whoever reads the result from a file must not take nothing for all of it.
#[test]
#[cfg(target_os = "linux")]
fn a_result_that_does_not_get_out_is_no_success() {
    let kaphost = kaphost();
    for (code, arguments) in [
        (1, "check cluster.kdl"),
        (1, "plan cluster.kdl --cloud lab:lab.json --output json --detailed-exitcode"),
        (3, "check cluster.kdl --policy org.wasm --output json"),
        (5, "apply cluster.kdl --cloud lab:lab.json --auto-approve"),
        (1, "schema"),
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let run = kaphost.command().args(arguments.split(' ')).stdout(full).output().unwrap();
        let said = String::from_utf8(run.stderr).unwrap();
        assert_eq!(run.status.code(), Some(code), "{arguments}: {said}");
        assert!(said.contains("cannot be written to standard output"), "{arguments}: {said}");
    }
    // A reader who has read enough is another matter.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(kaphost.command().arg("schema").stdout(writer).status().unwrap().code(), Some(0));
}
