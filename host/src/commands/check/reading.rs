//! The configs of a check. Of many each is read when its turn has come to be judged, so that no more of them are held in memory than are judged at once.

use std::sync::Arc;

use kaphost_findings::Skipped;
use kaphost_spec::{ConfigSource, Report, reading};

use super::targets::{Target, Targets};
use crate::failure::Failure;
use crate::input::{self, ClusterArgs, Input};
use crate::policies::{Asked, Policies};
use crate::render::simple::Simple;

/// Nodes that stand at the top of a policy set, and not of a config.
const OF_SETS: [&str; 3] = ["policy", "waiver", "waivers"];
/// From so many files on, sandboxes that are kept cost less than they save.
const MANY: usize = 16;

/// What a file gives: a cluster each, or what keeps it from giving any; or that it was found and is no config.
pub(super) type Read = Result<Vec<Item>, Skipped>;

/// A cluster to be judged.
pub(super) struct Item {
    /// Its file, as the user knows it.
    pub(super) file: String,
    /// The cluster, or why there is none.
    pub(super) what: Result<Input, Failure>,
}

/// Loads the policies, and reads the one file if there is but one. That the policies cannot be used is no reason not
/// to say what is wrong with the configs: it comes with them.
///
/// # Errors
/// When the command line makes no sense to the policies.
pub(super) fn load(
    targets: &Targets,
    clusters: &[String],
    asked: &Asked<'_>,
) -> Result<(Option<Read>, Result<Policies, Failure>), Failure> {
    let only = targets.all.first().filter(|_| targets.one_file);
    let (read, policies) = match only {
        None if targets.all.len() >= MANY => (None, Policies::load_for_many(asked)),
        None => (None, Policies::load(asked)),
        // One after the other: neither takes as long as a thread that has to be woken.
        Some(only) => (Some(one(only, clusters)), Policies::load(asked)),
    };
    match policies {
        Err(failure @ (Failure::Usage(_) | Failure::Settings(_))) => Err(failure),
        policies => Ok((read, policies)),
    }
}

/// Reads a file.
pub(super) fn one(target: &Target, clusters: &[String]) -> Read {
    let file = target.path().display().to_string();
    let item = |what| Item { file: file.clone(), what };
    if let Target::Nothing(path, what, why) = target {
        let problem = Simple::new("nothing-there", format!("{what} `{}` {why}", path.display()));
        return Ok(vec![item(Err(Failure::Unfit(vec![
            problem.with_help("name configs, folders that hold some, or patterns that match some"),
        ])))]);
    }
    let asked = ClusterArgs { file: target.path().to_owned(), clusters: clusters.to_vec() };
    match input::read(&asked) {
        Err(Failure::Config(report)) if matches!(target, Target::Found(_)) && is_of_a_set(&report) => {
            Err(Skipped { file, is: "a policy set".to_owned() })
        }
        Ok(inputs) => Ok(inputs
            .into_iter()
            .enumerate()
            .map(|(index, mut input)| {
                // What is odd about a file is said once.
                if index > 0 {
                    input.warnings = Arc::new([]);
                }
                item(Ok(input))
            })
            .collect()),
        Err(failure) => Ok(vec![item(Err(failure))]),
    }
}

/// Whether what is no config is a policy set, sound or not: nothing stands in it but nodes of sets. What is neither stays a config with mistakes: a
/// gate does not pass over what it does not know.
fn is_of_a_set(report: &Report) -> bool {
    let Some(source) = report.diagnostics().first().map(|first| Arc::clone(first.source())) else { return false };
    names(&source)
        .is_some_and(|names| names.iter().any(|name| name == OF_SETS[0]) && names.iter().all(|name| OF_SETS.contains(&name.as_str())))
}

/// The names of the nodes at the top of a text; `None` when it is no KDL.
fn names(source: &Arc<ConfigSource>) -> Option<Vec<String>> {
    reading::read(source, "file", |top| Some(top.names().map(str::to_owned).collect())).ok().map(|(names, _)| names)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn what_is_found_and_is_a_policy_set_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let read = |text: &str, named: bool| {
            let file: PathBuf = folder.path().join("file.kdl");
            std::fs::write(&file, text).unwrap();
            let target = if named { Target::Named(file) } else { Target::Found(file) };
            one(&target, &[]).map(|items| items.into_iter().map(|item| item.what.is_ok()).collect::<Vec<_>>()).map_err(|skipped| skipped.is)
        };
        let set = "policy \"a\" path=\"a.wasm\" enforcement=\"mandatory\"\nwaivers horizon-days=9";
        assert_eq!(read(set, false), Err("a policy set".to_owned()));
        assert_eq!(read(set, true), Ok(vec![false]), "what is named is a config, or is wrong");
        for neither in ["", "waivers horizon-days=9", "policy \"a\"\nclster \"b\"", "polcy \"a\"", "policy \"a\" {", "cluster \"x\""] {
            assert_eq!(read(neither, false), Ok(vec![false]), "{neither:?}");
        }
    }
}
