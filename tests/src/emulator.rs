//! The emulator's process: started on a free port, stopped whatever happens.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;

use crate::account::Account;
use crate::built::Built;
use crate::failure::Failure;
use crate::loopback::Endpoint;
use crate::python::{Python, server_script};

/// The first account id handed out. The default account, `123456789012`, is never one of them.
const FIRST_ACCOUNT: u64 = 200_000_000_001;

/// A running emulator. It stops when this is dropped, and also when this process dies in any way: it ends with its standard input.
#[derive(Debug)]
pub struct Emulator {
    child: Child,
    /// Held open for as long as the server is to live.
    alive: Option<ChildStdin>,
    endpoint: Endpoint,
    accounts: AtomicU64,
}

/// A behaviour of AWS that moto lacks and the emulator restores.
#[derive(Clone, Debug, Deserialize)]
pub struct Behaviour {
    /// Its name, as `KAPHOST_EMULATOR_WITHOUT` takes it.
    pub name: String,
    /// What AWS does.
    pub does: String,
    /// Where AWS documents it.
    pub source: String,
    /// Whether it is on.
    pub on: bool,
}

impl Emulator {
    /// Starts a server of one's own, in about two seconds.
    ///
    /// # Errors
    /// When its Python cannot be made ready, or it does not start; with its own words.
    pub fn start() -> Result<Self, Failure> {
        Self::start_without(&[])
    }

    /// Starts a server with some of its corrections left out, by name.
    ///
    /// # Errors
    /// As `start`; also for a name that is no correction's.
    pub fn start_without(behaviours: &[&str]) -> Result<Self, Failure> {
        let python = Python::ready(&Built::find()?)?;
        let mut command = python.script(&server_script().to_string_lossy());
        command.env("KAPHOST_EMULATOR_WITHOUT", behaviours.join(",")).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(Failure::while_doing("starting the emulator"))?;
        let alive = child.stdin.take();
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line).map_err(Failure::while_doing("waiting for the emulator"))?;
        }
        #[derive(Deserialize)]
        struct Ready {
            endpoint: String,
        }
        let ready = serde_json::from_str::<Ready>(&line).map_err(|_| Failure::new(format!("the emulator did not start: {line:?}")));
        let endpoint = ready.and_then(|ready| Endpoint::parse(&ready.endpoint));
        match endpoint {
            Ok(endpoint) => Ok(Self { child, alive, endpoint, accounts: AtomicU64::new(FIRST_ACCOUNT) }),
            Err(failure) => {
                drop(alive);
                stop(&mut child);
                Err(failure)
            }
        }
    }

    /// The server that all tests of this process share; started by the first that asks.
    ///
    /// # Errors
    /// As `start`, and then for everyone.
    pub fn shared() -> Result<&'static Self, Failure> {
        static SHARED: OnceLock<Result<Emulator, Failure>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref().map_err(Failure::clone)
    }

    /// A new, empty account: nobody else's calls, faults or resources are in it.
    #[must_use]
    pub fn account(&self) -> Account {
        Account::new(self.endpoint.clone(), self.accounts.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// The address: the value of `AWS_ENDPOINT_URL`. Always on this machine.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.endpoint.url()
    }

    /// The corrections of moto, and whether each is on.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub fn behaviours(&self) -> Result<Vec<Behaviour>, Failure> {
        #[derive(Deserialize)]
        struct Health {
            behaviours: Vec<Behaviour>,
        }
        Ok(self.endpoint.get::<Health>("/_kaphost/health")?.behaviours)
    }

    /// The server's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Closing its input is the polite way; it ends within milliseconds.
        drop(self.alive.take());
        for _ in 0..50 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        stop(&mut self.child);
    }
}

fn stop(child: &mut Child) {
    // Either fails only when the child has ended already.
    let _ = child.kill();
    let _ = child.wait();
}
