//! Two versions of a policy, as `kaphost policy diff` shows them.

use kaphost_policy::Module;
use kaphost_policy_kit::{Before, Difference, LeafDifference};
use serde_json::{Value, json};

use crate::render::decision;
use crate::term::{BAD, CHANGED, FAINT, GOOD, POLICY, STRONG, paint};

/// One config.
#[derive(Debug)]
pub(crate) enum Compared {
    /// Both were asked about it.
    Both {
        /// As the user named it.
        file: String,
        /// The cluster.
        cluster: String,
        /// What is different.
        difference: Box<Difference>,
    },
    /// It could not be read, by neither.
    Unreadable {
        /// As the user named it.
        file: String,
        /// Why.
        text: String,
    },
}

/// What becomes of a config, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Fails,
    Denied,
    Allowed,
    Changed,
    Same,
    Unreadable,
}

impl Turn {
    const ALL: [Self; 6] = [Self::Fails, Self::Denied, Self::Allowed, Self::Changed, Self::Same, Self::Unreadable];

    const fn word(self) -> &'static str {
        match self {
            Self::Fails => "newly fails",
            Self::Denied => "newly denied",
            Self::Allowed => "newly admitted",
            Self::Changed => "different",
            Self::Same => "the same",
            Self::Unreadable => "not readable",
        }
    }
}

impl Compared {
    /// Whether the two answer it differently.
    #[must_use]
    pub(crate) fn differs(&self) -> bool {
        !matches!(self.turn(), Turn::Same | Turn::Unreadable)
    }

    fn turn(&self) -> Turn {
        let Self::Both { difference, .. } = self else { return Turn::Unreadable };
        match (&difference.old, &difference.new) {
            _ if difference.is_none() => Turn::Same,
            (Before::Admitted | Before::Denied, Before::Failed { .. }) => Turn::Fails,
            (Before::Admitted | Before::Failed { .. }, Before::Denied) => Turn::Denied,
            (Before::Denied | Before::Failed { .. }, Before::Admitted) => Turn::Allowed,
            _ => Turn::Changed,
        }
    }
}

/// For people.
#[must_use]
pub(crate) fn text(old: &Module, new: &Module, all: &[Compared]) -> String {
    let mut out = format!("{} → {}\n", identity(old), identity(new));
    for one in all {
        match one {
            Compared::Both { file, cluster, difference } if one.differs() => both(&mut out, one.turn(), (file, cluster), difference),
            Compared::Both { .. } => {}
            Compared::Unreadable { file, text } => {
                out.push_str(&format!("\n{}  {}\n", paint(STRONG, file), paint(BAD, Turn::Unreadable.word())));
                for line in text.lines() {
                    out.push_str(format!("  {line}").trim_end());
                    out.push('\n');
                }
            }
        }
    }
    let counts: Vec<String> = Turn::ALL
        .into_iter()
        .map(|turn| (turn, all.iter().filter(|one| one.turn() == turn).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(turn, count)| format!("{count} {}", turn.word()))
        .collect();
    let configs = if all.len() == 1 { "1 config".to_owned() } else { format!("{} configs", all.len()) };
    out.push_str(&format!("\n{configs}: {}\n", counts.join(", ")));
    out
}

fn identity(module: &Module) -> String {
    let description = module.description();
    let short = module.digest().get(..12).unwrap_or_default();
    format!("{} {}", paint(POLICY, format!("{} {}", description.name, description.version)), paint(FAINT, format_args!("sha256:{short}")))
}

fn both(out: &mut String, turn: Turn, (file, cluster): (&str, &str), difference: &Difference) {
    let style = match turn {
        Turn::Fails | Turn::Denied | Turn::Unreadable => BAD,
        Turn::Allowed | Turn::Same => GOOD,
        Turn::Changed => CHANGED,
    };
    out.push_str(&format!("\n{}  {cluster}  {}\n", paint(STRONG, file), paint(style, turn.word())));
    for (answer, sign, style) in [(&difference.old, '-', BAD), (&difference.new, '+', GOOD)] {
        if let Before::Failed { code, message } = answer {
            out.push_str(&format!("  {}\n", paint(style, format_args!("{sign} fails: {code}: {message}"))));
        }
    }
    for (violations, sign, style) in [(&difference.no_longer, '-', BAD), (&difference.newly, '+', GOOD)] {
        for violation in violations {
            out.push_str(&format!("  {}\n", paint(style, format_args!("{sign} {violation}"))));
        }
    }
    for LeafDifference { path, old, new } in &difference.leaves {
        let shown = |leaf: &Option<kaphost_spec::Leaf>| leaf.as_ref().map_or_else(|| "unset".to_owned(), decision::value);
        out.push_str(&format!("  {}  {} → {}\n", paint(STRONG, path), paint(BAD, shown(old)), paint(GOOD, shown(new))));
    }
}

/// For programs.
#[must_use]
pub(crate) fn json(old: &Module, new: &Module, all: &[Compared]) -> Value {
    let module = |module: &Module| {
        let description = module.description();
        json!({ "name": description.name, "version": description.version, "sha256": module.digest(), "file": module.source() })
    };
    let config = |one: &Compared| match one {
        Compared::Both { file, cluster, difference } => {
            json!({ "file": file, "cluster": cluster, "turn": one.turn().word().replace(' ', "-"), "difference": difference })
        }
        Compared::Unreadable { file, text } => json!({ "file": file, "turn": "not-readable", "problem": text }),
    };
    json!({
        "old": module(old),
        "new": module(new),
        "configs": all.iter().map(config).collect::<Vec<_>>(),
    })
}
