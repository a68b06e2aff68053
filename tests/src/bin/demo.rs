//! `cargo xtask demo`: the main job on a real AWS API on loopback, from nothing to nothing. Every command is shown, run, and held to its exit code.

use std::process::{Command, ExitCode, Stdio};

use kaphost_tests::{Account, Built, Config, Emulator, Failure, Kaphost};

fn main() -> ExitCode {
    match demo() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&format!("demo: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn demo() -> Result<(), Failure> {
    say("Starting an AWS API on loopback; the first time sets it up, which takes about a minute.");
    let emulator = Emulator::start()?;
    let account = emulator.account();
    let stage = Stage::set(&account)?;
    stage.tell("A config that lets the whole world in. The policy denies it, and says where:");
    stage.run(3, &["check", "open.kdl", "--policy", "org.wasm"])?;

    stage.tell("A config that the policy can make right: it changes what it must, and says why.");
    stage.show("cluster.kdl")?;
    stage.run(0, &["check", "cluster.kdl", "--policy", "org.wasm"])?;

    stage.tell("What would be done on AWS:");
    stage.run(0, &["plan", "cluster.kdl", "--policy", "org.wasm"])?;

    stage.tell("Doing it:");
    stage.run(0, &["apply", "cluster.kdl", "--policy", "org.wasm", "--auto-approve"])?;

    stage.tell("Again: there is nothing left to do.");
    stage.run(0, &["apply", "cluster.kdl", "--policy", "org.wasm", "--auto-approve"])?;

    stage.tell("Why is the tenancy what it is?");
    stage.run(0, &["explain", "cluster.kdl", "tenancy", "--policy", "org.wasm"])?;

    stage.tell("What others need to know of it:");
    stage.run(0, &["output", "cluster.kdl"])?;
    stage.run(0, &["status", "cluster.kdl", "--policy", "org.wasm"])?;

    stage.tell("And away with it:");
    stage.run(0, &["destroy", "cluster.kdl", "--auto-approve"])?;
    let calls = account.calls()?;
    say(&format!(
        "\nIn all: {} reads, {} writes and {} polls, none of them beyond this machine.",
        calls.reads(),
        calls.writes(),
        calls.polls()
    ));
    Ok(())
}

/// A folder with the configs and the policy, and kaphost to run in it.
struct Stage {
    kaphost: Kaphost,
}

impl Stage {
    fn set(account: &Account) -> Result<Self, Failure> {
        let kaphost = Kaphost::on(account)?;
        let seed = account.seed("us-east-1")?;
        let policy = Built::find()?.policy("org")?;
        let copied = std::fs::copy(&policy, kaphost.folder().join("org.wasm"));
        copied.map_err(|error| Failure::new(format!("copying {}: {error}", policy.display())))?;
        kaphost.write("open.kdl", &Config::stage(&seed).with_ssh(&["0.0.0.0/0"]).to_string())?;
        kaphost.write("cluster.kdl", &Config::stage(&seed).to_string())?;
        Ok(Self { kaphost })
    }

    fn tell(&self, text: &str) {
        say(&format!("\n── {text}\n"));
    }

    fn show(&self, file: &str) -> Result<(), Failure> {
        let path = self.kaphost.folder().join(file);
        let text = std::fs::read_to_string(&path).map_err(|error| Failure::new(format!("reading {}: {error}", path.display())))?;
        say(&format!("$ cat {file}\n{text}"));
        Ok(())
    }

    fn run(&self, expected: i32, arguments: &[&str]) -> Result<(), Failure> {
        say(&format!("$ kaphost {}", arguments.join(" ")));
        let mut command: Command = self.kaphost.command();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::inherit()).stderr(Stdio::inherit());
        if std::env::var_os("NO_COLOR").is_none() {
            command.env_remove("NO_COLOR");
        }
        if let Some(term) = std::env::var_os("TERM") {
            command.env("TERM", term);
        }
        let status = command.status().map_err(|error| Failure::new(format!("starting kaphost: {error}")))?;
        if status.code() == Some(expected) {
            return Ok(());
        }
        Err(Failure::new(format!("`kaphost {}` ended with {status}, not with exit code {expected}", arguments.join(" "))))
    }
}

fn say(text: &str) {
    // One stream with what the commands say, so that the order holds in a pipe too.
    let mut lines = text.lines().collect::<Vec<_>>().join("\n");
    lines.push('\n');
    let _ = std::io::Write::write_all(&mut std::io::stdout().lock(), lines.as_bytes());
}
