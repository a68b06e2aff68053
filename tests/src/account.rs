//! One AWS account of an emulator.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use crate::loopback::Endpoint;
use crate::{CallLog, Failure, Rule, Scenario};

/// An account that shares its server with others and nothing else: state, calls, faults and latency are its own.
#[derive(Clone, Debug)]
pub struct Account {
    endpoint: Endpoint,
    id: String,
}

/// What an account holds from the start, in one region.
#[derive(Clone, Debug, Deserialize)]
pub struct Seed {
    /// The account's id.
    pub account: String,
    /// The region.
    pub region: String,
    /// The default network.
    pub vpc: String,
    /// Its addresses.
    pub vpc_cidr: String,
    /// Its subnets, one a zone, sorted by zone.
    pub subnets: Vec<Subnet>,
    /// The machine images. Their ids are the same in every account and region.
    pub images: Vec<Image>,
    /// The name of a key pair.
    pub key_pair: String,
    /// A security group in the default network.
    pub bastion_group: String,
    /// Another network, without subnets.
    pub other_vpc: String,
}

/// A subnet of the seed.
#[derive(Clone, Debug, Deserialize)]
pub struct Subnet {
    /// `subnet-…`.
    pub id: String,
    /// `us-east-1a`.
    pub zone: String,
    /// Its addresses.
    pub cidr: String,
}

/// A machine image of the seed.
#[derive(Clone, Debug, Deserialize)]
pub struct Image {
    /// `ami-…`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its root device.
    pub root_device: String,
}

impl Account {
    pub(crate) fn new(endpoint: Endpoint, id: String) -> Self {
        Self { endpoint, id }
    }

    /// The account's 12 digits.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The value of `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.endpoint.url()
    }

    /// The access key that signs for this account. Any secret goes with it.
    #[must_use]
    pub fn access_key(&self) -> String {
        format!("AKIAKAPH{}", self.id)
    }

    fn path(&self, name: &str) -> String {
        let separator = if name.contains('?') { '&' } else { '?' };
        format!("/_kaphost/{name}{separator}account={}", self.id)
    }

    /// What is there from the start. Makes it, when nobody has called this region before.
    ///
    /// # Errors
    /// When the emulator does not answer; so for every method here.
    pub fn seed(&self, region: &str) -> Result<Seed, Failure> {
        self.endpoint.get(&self.path(&format!("seed?region={region}")))
    }

    /// The calls since the log was last cleared.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub fn calls(&self) -> Result<CallLog, Failure> {
        self.endpoint.get(&self.path("calls"))
    }

    /// Forgets the calls.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub fn clear_calls(&self) -> Result<(), Failure> {
        self.endpoint.delete(&self.path("calls"))
    }

    /// Runs something and returns what it returned, with the calls it made.
    ///
    /// # Errors
    /// When the emulator does not answer, or with what `work` failed with.
    pub fn record<T>(&self, work: impl FnOnce() -> Result<T, Failure>) -> Result<(T, CallLog), Failure> {
        self.clear_calls()?;
        let result = work()?;
        Ok((result, self.calls()?))
    }

    /// Adds this to every call, before its work. Calls made side by side are slow side by side.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub fn latency(&self, latency: Duration) -> Result<(), Failure> {
        self.endpoint.post(&self.path("latency"), &json!({ "ms": u64::try_from(latency.as_millis()).unwrap_or(u64::MAX) }))
    }

    /// The same, until for so long no other call has arrived: however slowly a busy machine sends the calls of one round, they are under way
    /// together, and only what waits for an answer comes after. For whoever counts rounds, or wants several runs to meet.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub fn rounds(&self, latency: Duration) -> Result<(), Failure> {
        let milliseconds = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.endpoint.post(&self.path("latency"), &json!({ "ms": milliseconds, "rounds": true }))
    }

    /// Adds a fault rule.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub fn fault(&self, rule: &Rule) -> Result<(), Failure> {
        let rule = serde_json::to_value(rule).map_err(Failure::while_doing("writing a fault rule"))?;
        self.endpoint.post(&self.path("faults"), &rule)
    }

    /// Removes all rules and the latency; ends a hold, dropping the calls that wait.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub fn clear_faults(&self) -> Result<(), Failure> {
        self.endpoint.delete(&self.path("faults"))
    }

    /// Waits until a `Hold` rule has struck and all that arrived before the held call is done. The held call's number; none
    /// when the time is up.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub fn wait_until_held(&self, at_most: Duration) -> Result<Option<u64>, Failure> {
        #[derive(Deserialize)]
        struct Held {
            sequence: Option<u64>,
        }
        let held: Held = self.endpoint.get(&self.path(&format!("held?wait_ms={}", at_most.as_millis())))?;
        Ok(held.sequence)
    }

    /// Ends a hold: waiting calls go on.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub fn release(&self) -> Result<(), Failure> {
        self.endpoint.post(&self.path("release"), &json!({ "discard": false }))
    }

    /// Ends a hold: waiting calls are dropped unanswered and undone, because whoever made them was killed.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub fn discard_held(&self) -> Result<(), Failure> {
        self.endpoint.post(&self.path("release"), &json!({ "discard": true }))
    }

    /// Sets what AWS does by itself.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub fn scenario(&self, scenario: &Scenario) -> Result<(), Failure> {
        let scenario = serde_json::to_value(scenario).map_err(Failure::while_doing("writing a scenario"))?;
        self.endpoint.post(&self.path("scenario"), &scenario)
    }

    /// Makes the account as new: state, log, faults, latency and scenario.
    ///
    /// # Errors
    /// When the emulator does not answer.
    pub fn reset(&self) -> Result<(), Failure> {
        self.endpoint.post(&self.path("reset"), &json!({}))
    }
}
