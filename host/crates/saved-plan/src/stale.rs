//! Every way in which a kept plan is not to be carried out any more.

use std::fmt;

/// What became of a thing since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It was not there then.
    Came,
    /// It is not there now.
    Went,
    /// It is there and is another.
    Changed,
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Came => "was not there then",
            Self::Went => "is gone",
            Self::Changed => "is not what it was",
        })
    }
}

/// One reason not to carry a kept plan out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// The file is not what was written.
    #[error("it is not what was written: {}", line.map_or_else(|| "its digest is another".to_owned(), |line| format!("line {line} was altered")))]
    Altered {
        /// Where that shows, from 1, where it shows.
        line: Option<usize>,
    },
    /// Another kaphost wrote it.
    #[error("it has the layout {schema:?}, and this kaphost reads {:?}", crate::SCHEMA)]
    OtherLayout {
        /// What it says it is.
        schema: String,
    },
    /// Its time is over.
    #[error("it was good until {expires}, and it is {now}")]
    Expired {
        /// RFC 3339.
        expires: String,
        /// RFC 3339.
        now: String,
    },
    /// It comes from the future: one of two clocks is wrong, and expiry means nothing.
    #[error("it was made at {created}, and here it is {now} only")]
    NotYet {
        /// RFC 3339.
        created: String,
        /// RFC 3339.
        now: String,
    },
    /// It says of itself that it is good for longer than any plan.
    #[error("it says that it is good from {created} to {expires}, and no plan is for more than {} days", crate::LONGEST_S / 86_400)]
    GoodTooLong {
        /// RFC 3339.
        created: String,
        /// RFC 3339.
        expires: String,
    },
    /// Another program, or another sandbox, would carry it out than planned it.
    #[error("it was made by {what} {then}, and this is {what} {now}")]
    OtherEngine {
        /// `kaphost`, `wasmtime`.
        what: String,
        /// The version.
        then: String,
        /// The version.
        now: String,
    },
    /// It is for another cloud.
    #[error("it is for the cloud `{then}`, and this is `{now}`")]
    OtherCloud {
        /// `aws`, `lab`.
        then: String,
        /// The same.
        now: String,
    },
    /// It is for another account.
    #[error("it is for the account {then}, and these credentials are of {now}")]
    OtherAccount {
        /// 12 digits.
        then: String,
        /// 12 digits.
        now: String,
    },
    /// The config.
    #[error("the config `{file}` {turn}")]
    Config {
        /// As it was called.
        file: String,
        /// What became of it.
        turn: Turn,
    },
    /// A file that the config takes a value from.
    #[error("the file `{path}`, which the config takes a value from, {turn}")]
    ConfigFile {
        /// As the config spells it.
        path: String,
        /// What became of it.
        turn: Turn,
    },
    /// What a variable holds. Its value stands nowhere.
    #[error("of the variables that the config takes values from ({names}) one or more hold something else")]
    Variables {
        /// Each in backticks.
        names: String,
    },
    /// A module or a policy set.
    #[error("the {what} `{file}` {turn}")]
    Policy {
        /// "policy", "policy set".
        what: String,
        /// As it was called.
        file: String,
        /// What became of it.
        turn: Turn,
    },
    /// The order of modules and sets, in which they count.
    #[error("the policies hold in another order: {now}")]
    PolicyOrder {
        /// Each in backticks.
        now: String,
    },
    /// What policies are told of the world.
    #[error("the policies were told that `{path}` is {then}, and it is {now}")]
    Fact {
        /// `ami.owner`
        path: String,
        /// As JSON, or "unknown".
        then: String,
        /// The same.
        now: String,
    },
    /// What a waiver comes to.
    #[error("the waiver of {rule} was {then}, and is {now}")]
    Waiver {
        /// Policy and rule.
        rule: String,
        /// Its state.
        then: String,
        /// The same.
        now: String,
    },
    /// The policies decide otherwise.
    #[error("the policies decide otherwise on the same cluster: `{part}` is not what it was")]
    Decision {
        /// Which member of the decision.
        part: String,
    },
    /// What the config's image is.
    #[error("`ami` led to {then}, and leads to {now}")]
    Image {
        /// Its id.
        then: String,
        /// Its id.
        now: String,
    },
    /// What the cloud holds.
    #[error("the {resource} {turn}")]
    Observed {
        /// `security group kapacitor-stage`
        resource: String,
        /// What became of it.
        turn: Turn,
    },
    /// It was applied before.
    #[error("it was applied already: {evidence}")]
    Applied {
        /// What shows it.
        evidence: String,
    },
    /// The same inputs lead to another plan: kaphost's own mistake, or a document that was made up.
    #[error("what would be done now is not what it says: `{part}` of {cluster} is another")]
    Plan {
        /// Which cluster.
        cluster: String,
        /// Which part.
        part: String,
    },
}

impl Stale {
    /// Stable.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Altered { .. } => "plan-altered",
            Self::OtherLayout { .. } => "other-layout",
            Self::Expired { .. } => "plan-expired",
            Self::NotYet { .. } => "plan-not-yet",
            Self::GoodTooLong { .. } => "plan-good-too-long",
            Self::OtherEngine { .. } => "other-engine",
            Self::OtherCloud { .. } => "other-cloud",
            Self::OtherAccount { .. } => "other-account",
            Self::Config { .. } => "config-changed",
            Self::ConfigFile { .. } => "config-file-changed",
            Self::Variables { .. } => "variable-changed",
            Self::Policy { .. } => "policy-changed",
            Self::PolicyOrder { .. } => "policy-order",
            Self::Fact { .. } => "fact-changed",
            Self::Waiver { .. } => "waiver-changed",
            Self::Decision { .. } => "decision-changed",
            Self::Image { .. } => "image-changed",
            Self::Observed { .. } => "cloud-changed",
            Self::Applied { .. } => "plan-applied",
            Self::Plan { .. } => "plan-differs",
        }
    }

    /// What to do.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Altered { .. } => "get the file from where it was kept; it is bound to every byte",
            Self::OtherLayout { .. } | Self::OtherEngine { .. } => "apply it with the kaphost that wrote it, or plan again",
            Self::Expired { .. } | Self::GoodTooLong { .. } => "plan again; --expires-in says for how long a plan is good",
            Self::NotYet { .. } => "set the clocks of both machines, or plan again",
            Self::OtherCloud { .. } => "give the --cloud that it was planned with",
            Self::OtherAccount { .. } => "use the credentials of the account that it was planned for",
            Self::Config { .. } | Self::ConfigFile { .. } => "apply it where the commit is checked out that was planned, or plan again",
            Self::Variables { .. } => "set them as they were, or plan again",
            Self::Policy { .. } | Self::PolicyOrder { .. } => {
                "it holds under the policies that it was decided by: apply it where these hold and no others, or plan again"
            }
            Self::Fact { .. } | Self::Waiver { .. } | Self::Decision { .. } | Self::Image { .. } | Self::Observed { .. } => {
                "look at what has changed, and plan again"
            }
            Self::Applied { .. } => "a plan is applied once: plan again",
            Self::Plan { .. } => "plan again; when the file comes from `kaphost plan` of this version, please report it",
        }
    }
}
