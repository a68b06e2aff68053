//! The pages under `host/docs` that say what the code says: written from it, and held to it by the tests here. `UPDATE_DOCS=1 cargo test -p kaphost --lib docs`
//! writes them anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::exit::Exit;

/// What a script does next.
const fn then(exit: Exit) -> &'static str {
    match exit {
        Exit::Done => "go on",
        Exit::Error => "read what stands on standard error, or `problems` of the JSON; mend it and run again",
        Exit::Changes => "no error: `plan` found something to do, `status` a difference",
        Exit::Denied => "change the config as each violation says, or ask for a waiver",
        Exit::Untrusted => "hand it to whoever owns the policies: nothing about the config is known to be wrong",
        Exit::Partial => "run the same command again: it goes on from there",
        Exit::Stale => "make a new plan or record, and have it looked at again",
        Exit::Usage => "mend the call; `--help` shows how",
    }
}

/// Whether AWS may hold something else afterwards.
const fn changed(exit: Exit) -> &'static str {
    match exit {
        Exit::Done => "as asked",
        Exit::Partial => "yes, in part",
        Exit::Error | Exit::Changes | Exit::Denied | Exit::Untrusted | Exit::Stale | Exit::Usage => "no",
    }
}

fn exit_codes() -> String {
    let mut page = String::from(
        "# Exit codes\n\nEvery command ends with one of these, whatever its output. They are for scripts: the numbers do not change.\n\n\
         | exit | meaning | AWS is changed | what a script does |\n|---|---|---|---|\n",
    );
    for exit in Exit::ALL {
        page.push_str(&format!("| {} | {} | {} | {} |\n", exit.code(), exit.meaning(), changed(*exit), then(*exit)));
    }
    page.push_str(
        "\nA denial (3) is never a policy that failed (4), and neither is ever a pass. A run that was ended by ctrl-C before it changed anything ends with 1, after that with 5. A result that cannot be written to standard output, on a full disk for one, ends with 1 where it would have been 0 or 2, and with 5 where AWS may hold something else by then. \
         With `--output json` the document's `exit` is the same number, on failures too.\n\n\
         ```sh\nkaphost plan cluster.kdl --policy org.wasm --detailed-exitcode\ncase $? in\n  0) echo \"nothing to do\" ;;\n  2) echo \"changes to review\" ;;\n  \
         3) echo \"denied\"; exit 1 ;;\n  *) exit 1 ;;\nesac\n```\n\nThis page is written from `host/src/exit.rs`, and a test holds it to it.\n",
    );
    page
}

/// Variables that no flag of clap's reads.
const OTHERS: &[(&str, &str)] = &[
    (
        "KAPHOST_POLICY",
        "policies and policy sets that are asked before those of `--policy`, separated as in `PATH`; they add to the others and replace none",
    ),
    ("KAPHOST_SYSTEM_POLICY", "a further policy set of the machine, beside `/etc/kaphost/policy.kdl`; it takes none away"),
    ("KAPHOST_CACHE_DIR", "the cache folder, in place of `$XDG_CACHE_HOME/kaphost`; losing it costs time and nothing else"),
    ("DOCKER_CONFIG", "the folder in which Docker keeps `config.json`, whose credentials registries are asked with; `~/.docker` otherwise"),
    ("HTTPS_PROXY", "the proxy for registries and AWS; `NO_PROXY` names hosts that are asked without it"),
    ("SSL_CERT_FILE", "root certificates in place of the machine's own, for registries and AWS"),
    ("NO_COLOR", "any value: no colour; `--color always` is stronger"),
    ("TERM", "`dumb`: no live lines and no colour"),
    ("COLUMNS", "the width to write for, in place of the terminal's own; 80 where neither says it"),
    ("AWS_PROFILE", "the profile of the AWS configuration; `--profile` is stronger"),
    ("AWS_ENDPOINT_URL", "the address of the AWS API; `--endpoint-url` is stronger"),
];

fn environment() -> String {
    let mut page = String::from(
        "# Environment variables\n\nThree places can say the same thing. The nearest wins:\n\n1. a flag on the command line,\n2. a variable of the environment,\n3. a file: the AWS configuration, and the cluster's \
         config, whose region counts whatever `AWS_REGION` says.\n\nWhat a cluster is stands in its file alone: no flag and no variable changes a value of it. And policies only ever add up: a set of the machine \
         holds whatever a flag or a variable names besides.\n\n| variable | flag | what it sets |\n|---|---|---|\n",
    );
    for (name, (flag, help)) in flags() {
        page.push_str(&format!("| `{name}` | `--{flag}` | {help} |\n"));
    }
    for (name, what) in OTHERS {
        page.push_str(&format!("| `{name}` | | {what} |\n"));
    }
    page.push_str(
        "\nThe other variables of the AWS SDK (`AWS_ACCESS_KEY_ID`, `AWS_SESSION_TOKEN`, `AWS_CONFIG_FILE`, `AWS_CA_BUNDLE` and so on) mean what they mean there. A switch such as `KAPHOST_STRICT` is off when it is \
         empty, `0`, `false`, `no`, `off`, `n` or `f`, and on otherwise.\n\nThis page is written from the command line's own definition, and a test holds it to it.\n",
    );
    page
}

/// Every variable that stands for a flag, with the flag and its help.
fn flags() -> BTreeMap<String, (String, String)> {
    fn collect(command: &clap::Command, into: &mut BTreeMap<String, (String, String)>) {
        for argument in command.get_arguments() {
            if let (Some(variable), Some(flag)) = (argument.get_env(), argument.get_long()) {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                into.entry(variable.to_string_lossy().into_owned()).or_insert((flag.to_owned(), help));
            }
        }
        command.get_subcommands().for_each(|below| collect(below, into));
    }
    let mut all = BTreeMap::new();
    collect(&Cli::command(), &mut all);
    all
}

fn held_to(name: &str, page: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, page).unwrap();
    }
    let there = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(there == page, "host/docs/{name} is not what the code says: UPDATE_DOCS=1 cargo test -p kaphost --lib docs");
}

#[test]
fn the_exit_codes_are_documented_as_they_are() {
    held_to("exit-codes.md", &exit_codes());
}

#[test]
fn the_environment_is_documented_as_it_is() {
    held_to("environment.md", &environment());
}

/// Whatever variable of kaphost's the code names is on the page.
#[test]
fn no_variable_is_undocumented() {
    fn sources(folder: PathBuf, into: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                into.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut text = String::new();
    sources(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
    let page = environment();
    let named = text.split("\"KAPHOST_").skip(1).filter_map(|rest| rest.split('"').next());
    for name in named.filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')) {
        assert!(page.contains(&format!("`KAPHOST_{name}`")), "KAPHOST_{name} is not on the page");
    }
}
