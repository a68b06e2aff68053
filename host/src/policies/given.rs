//! `--set`: settings for modules that are given by themselves. Those of a policy set's entries are the set's own, and out of reach from here.

use kaphost_policy::{Module, Policy};
use kaphost_spec::nearest;

use crate::failure::Failure;

/// `--set` as given: the policy that is meant, when one is named; a name; a value.
pub(super) struct Given(Vec<(Option<String>, String, String)>);

impl Given {
    /// Reads every `--set`.
    ///
    /// # Errors
    /// When one is not of the form `NAME=VALUE`.
    pub(super) fn parse(settings: &[String]) -> Result<Self, Failure> {
        let one = |text: &String| {
            let (name, value) = text.split_once('=')?;
            let (policy, name) = match name.split_once(':') {
                Some((policy, name)) => (Some(policy.to_owned()), name),
                None => (None, name),
            };
            Some((policy, name.to_owned(), value.to_owned()))
        };
        let parsed = settings.iter().map(|text| one(text).ok_or_else(|| Failure::Usage(format!("`{text}` is no setting: use NAME=VALUE"))));
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// Whether nothing is given.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What one policy gets: what names it, and what names nobody and is of a name that it takes.
    pub(super) fn of(&self, module: &Module) -> Vec<(String, String)> {
        let description = module.description();
        let mine = self.0.iter().filter(|(meant, name, _)| match meant {
            Some(meant) => *meant == description.name,
            None => takes(module, name),
        });
        mine.map(|(_, name, value)| (name.clone(), value.clone())).collect()
    }

    /// Everything that reaches nobody, each with what to do. `modules` are those given by themselves, `entries` those of sets.
    pub(super) fn astray(&self, modules: &[&Module], entries: &[&Policy]) -> Vec<(String, String)> {
        let names: Vec<&str> = modules.iter().map(|module| module.description().name.as_str()).collect();
        let known: Vec<&str> =
            modules.iter().flat_map(|module| module.description().settings.iter().map(|setting| setting.name.as_str())).collect();
        let mut all = Vec::new();
        let unknown = self.0.iter().filter_map(|(meant, ..)| meant.as_deref().filter(|meant| !names.contains(meant)));
        for policy in unknown {
            let owned = entries.iter().find(|entry| entry.module().description().name == policy);
            all.push(match owned {
                Some(entry) => (format!("the settings of `{policy}` are those of the policy set {}", owner(entry)), ask_the_owner(entry)),
                None if names.is_empty() => (format!("there is no policy `{policy}` here"), NONE_ALONE.to_owned()),
                None => (format!("there is no policy `{policy}` here"), format!("there are: {}", names.join(", "))),
            });
        }
        let nobody = self.0.iter().filter(|(meant, name, _)| meant.is_none() && !known.contains(&name.as_str()));
        for (_, name, _) in nobody {
            let owned = entries.iter().find(|entry| takes(entry.module(), name));
            all.push(match (owned, known.as_slice(), nearest(name, known.iter().copied())) {
                (Some(entry), ..) => {
                    let policy = &entry.module().description().name;
                    (format!("`{name}` is a setting of `{policy}`, which the policy set {} gives", owner(entry)), ask_the_owner(entry))
                }
                (None, _, Some(near)) => (format!("no policy here takes the setting `{name}`"), format!("did you mean `{near}`?")),
                (None, [], None) if names.is_empty() => (format!("no policy here takes the setting `{name}`"), NONE_ALONE.to_owned()),
                (None, [], None) => (format!("no policy here takes the setting `{name}`"), "the policies here take no settings".to_owned()),
                (None, known, None) => (format!("no policy here takes the setting `{name}`"), format!("they take: {}", known.join(", "))),
            });
        }
        all
    }
}

const NONE_ALONE: &str = "--set is for modules that are given by themselves, and there are none";

fn takes(module: &Module, name: &str) -> bool {
    module.description().settings.iter().any(|setting| setting.name == name)
}

fn owner(entry: &Policy) -> &str {
    entry.terms().set.as_deref().unwrap_or_default()
}

fn ask_the_owner(entry: &Policy) -> String {
    format!("--set is for modules that are given by themselves: ask whoever owns {}", owner(entry))
}
