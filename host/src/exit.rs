//! The exit codes: one table, for the program and for the docs.

use std::process::ExitCode;

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    #[default]
    Done,
    /// Config, AWS or other error; nothing changed.
    Error,
    /// Changes or drift, with `--detailed-exitcode`.
    Changes,
    /// Denied by policy.
    Denied,
    /// A policy could not be trusted or run.
    Untrusted,
    /// Partly applied; the report says what.
    Partial,
    /// A plan or a record does not match what is there now.
    Stale,
    /// Wrong usage of the command line.
    Usage,
}

impl Exit {
    /// Every code, in order.
    pub(crate) const ALL: &[Self] =
        &[Self::Done, Self::Error, Self::Changes, Self::Denied, Self::Untrusted, Self::Partial, Self::Stale, Self::Usage];

    /// The worse of two, for a run about several clusters. What is wrong with the run as a whole comes first, then what needs a person
    /// soonest: a cluster that is half changed, policies that nobody may trust, a denial, a plan that is stale, any other error, a difference.
    #[must_use]
    pub(crate) fn worst(self, other: Self) -> Self {
        const ORDER: [Exit; 8] =
            [Exit::Done, Exit::Changes, Exit::Error, Exit::Stale, Exit::Denied, Exit::Untrusted, Exit::Partial, Exit::Usage];
        let rank = |exit: Self| ORDER.iter().position(|it| *it == exit);
        if rank(self) >= rank(other) { self } else { other }
    }

    /// The number that the shell sees.
    #[must_use]
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Error => 1,
            Self::Changes => 2,
            Self::Denied => 3,
            Self::Untrusted => 4,
            Self::Partial => 5,
            Self::Stale => 6,
            Self::Usage => 64,
        }
    }

    /// What it means, for help.
    #[must_use]
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or nothing to do",
            Self::Error => "config, AWS or other error; nothing changed",
            Self::Changes => "changes or drift, with --detailed-exitcode",
            Self::Denied => "denied by policy",
            Self::Untrusted => "a policy could not be trusted or run",
            Self::Partial => "partly applied; the report says what",
            Self::Stale => "a plan or a record does not match what is there now",
            Self::Usage => "wrong usage of the command line",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The table as `--help` shows it.
#[must_use]
pub(crate) fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for exit in Exit::ALL {
        text.push_str(&format!("  {:>2}  {}\n", exit.code(), exit.meaning()));
    }
    text.pop();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_the_worse_counts_whatever_their_order() {
        for (better, worse) in [(0, 2), (2, 1), (1, 6), (6, 3), (3, 4), (4, 5), (5, 64), (0, 64), (0, 0)] {
            let of = |code: u8| *Exit::ALL.iter().find(|exit| exit.code() == code).unwrap();
            assert_eq!(of(better).worst(of(worse)), of(worse), "{better} {worse}");
            assert_eq!(of(worse).worst(of(better)), of(worse), "{better} {worse}");
        }
    }
}
