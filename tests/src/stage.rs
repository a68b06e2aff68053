//! A folder with a config and the policy, and kaphost to run in it on an account of its own: where most end-to-end tests begin.

use crate::{Account, CallLog, Config, Emulator, Failure, Kaphost, Run, Running, Seed, boto3::REGION};

/// The arguments that apply the config without asking.
pub const APPLY: &str = "apply cluster.kdl --policy org.wasm --auto-approve";
/// The arguments that say by their exit code whether there is something to do.
pub const PLAN: &str = "plan cluster.kdl --policy org.wasm --detailed-exitcode";
/// The arguments that destroy the cluster without asking.
pub const DESTROY: &str = "destroy cluster.kdl --auto-approve";

/// An account, kaphost, and in its working folder `org.wasm` and `cluster.kdl`.
#[derive(Debug)]
pub struct Stage {
    /// The account.
    pub account: Account,
    /// The program.
    pub kaphost: Kaphost,
    /// What the account holds from the start.
    pub seed: Seed,
    /// What `cluster.kdl` says. After changing it, `write` it.
    pub config: Config,
}

impl Stage {
    /// On a new account of the server that this process's tests share, with [`Config::stage`].
    ///
    /// # Errors
    /// When the emulator does not start or answer, or something is not built.
    pub fn new() -> Result<Self, Failure> {
        Self::on(Emulator::shared()?.account())
    }

    /// The same on an account of one's own.
    ///
    /// # Errors
    /// As `new`.
    pub fn on(account: Account) -> Result<Self, Failure> {
        let kaphost = Kaphost::on(&account)?;
        let seed = account.seed(REGION)?;
        kaphost.give("org", "org.wasm")?;
        let config = Config::stage(&seed);
        let stage = Self { account, kaphost, seed, config };
        stage.write()?;
        Ok(stage)
    }

    /// Writes `cluster.kdl` anew.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self) -> Result<(), Failure> {
        self.kaphost.write("cluster.kdl", &self.config.to_string()).map(drop)
    }

    /// Changes the config and writes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn change(&mut self, change: impl FnOnce(&mut Config)) -> Result<(), Failure> {
        change(&mut self.config);
        self.write()
    }

    /// Runs kaphost with arguments that are separated by spaces.
    ///
    /// # Errors
    /// As [`Kaphost::run`].
    pub fn run(&self, arguments: &str) -> Result<Run, Failure> {
        self.kaphost.run(arguments.split_whitespace())
    }

    /// Runs it, and holds it to an exit code.
    ///
    /// # Errors
    /// When it ends with another, with all that it said and all that AWS saw.
    pub fn expect(&self, code: i32, arguments: &str) -> Result<(Run, CallLog), Failure> {
        let (run, calls) = self.account.record(|| self.run(arguments))?;
        if run.code == Some(code) {
            return Ok((run, calls));
        }
        Err(Failure::new(format!("`kaphost {arguments}` should end with exit code {code}:\n{run}\n{calls}")))
    }

    /// Begins a run, and returns while it goes on.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, arguments: &str) -> Result<Running, Failure> {
        let mut command = self.kaphost.command();
        command.args(arguments.split_whitespace());
        Running::start(&mut command)
    }

    /// What a cluster of this config adds to an account, as [`crate::Holdings`] tells it, when it has one template version and one SSH network.
    #[must_use]
    pub fn cluster_of_one(&self) -> Vec<String> {
        let Config { name, ami, .. } = &self.config;
        let global = self.config.global_name();
        let mut lines = vec![
            format!("Auto Scaling group {name}"),
            format!("egress rule of {name}: -1 -1--1 0.0.0.0/0"),
            format!("ingress rule of {name}: tcp 22-22 10.0.0.0/8"),
            format!("instance profile {global} with {global}"),
            format!("instance running of {ami}"),
            format!("launch template {name}, latest version 1"),
            format!("role {global}"),
            format!("security group {name}"),
            "volume of 50 GiB, in-use".to_owned(),
        ];
        lines.sort();
        lines
    }
}
