//! Machine images: by id, by a parameter that names one, by a search.

use std::collections::BTreeMap;

use kaphost_plan::{Image, ImageAnswer, ImageGap};
use kaphost_spec::Ami;

use crate::facts::known;
use crate::refuse::well_formed;
use crate::state::{ImageState, World};

impl World<'_> {
    /// The image that a plan needs.
    pub(crate) fn image(&self, ami: &Ami) -> ImageAnswer {
        let image = |(id, ImageState { root_device, architecture, .. })| Image { id, root_device, architecture };
        self.resolve(ami).map_or_else(ImageAnswer::Missing, |found| ImageAnswer::Found(image(found)))
    }

    /// The image that a config means, and its id.
    pub(crate) fn resolve(&self, ami: &Ami) -> Result<(String, ImageState), ImageGap> {
        let by_id = |id: &str| match known(&self.region.images, id, "ami-") {
            Some(state) => Ok((id.to_owned(), state)),
            None => Err(ImageGap::NoImage(id.to_owned())),
        };
        match ami {
            Ami::Id(id) => by_id(id.as_str()),
            Ami::Ssm(name) => match self.region.parameters.get(name) {
                None => Err(ImageGap::NoParameter),
                Some(id) if !well_formed(id, "ami-") => Err(ImageGap::NotAnId(id.clone())),
                Some(id) => by_id(id),
            },
            Ami::Lookup { owner, name } => newest(&self.region.images, self.account, owner, name).ok_or(ImageGap::NoMatch),
        }
    }
}

/// Of two of one moment the one whose id sorts last, as in the adapter for AWS.
fn newest(images: &BTreeMap<String, Option<ImageState>>, account: &str, owner: &str, name: &str) -> Option<(String, ImageState)> {
    let mine = |state: &ImageState| {
        let whose = state.owner.as_deref().unwrap_or(account);
        whose == owner || (owner == "self" && whose == account)
    };
    let there = images.iter().filter_map(|(id, state)| Some((id, state.as_ref()?)));
    let fitting = there.filter(|(id, state)| mine(state) && matches(name, state.name.as_ref().unwrap_or(id)));
    fitting.max_by_key(|(id, state)| (&state.created, *id)).map(|(id, state)| (id.clone(), state.clone()))
}

/// As EC2's filters match: `*` is any text, `?` any one character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // Which beginnings of the text the pattern so far can stand for.
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    for wanted in pattern {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            next[at] = match wanted {
                '*' => ends[at] || (at > 0 && next[at - 1]),
                _ => at > 0 && ends[at - 1] && (wanted == '?' || text.get(at - 1) == Some(&wanted)),
            };
        }
        ends = next;
    }
    ends.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        for (pattern, text, fits) in [
            ("a*c", "abbc", true),
            ("a*c", "ac", true),
            ("a?c", "ac", false),
            ("a?c", "abc", true),
            ("*", "", true),
            ("", "a", false),
            ("kapacitor-*-2026-*", "kapacitor-ubuntu-2026-10-01", true),
            ("kapacitor-*-2026", "kapacitor-ubuntu-2026-10-01", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
