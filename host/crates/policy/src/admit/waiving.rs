//! Waivers in force: which violation each of them covers, and what becomes of those that cover none.

use jiff::Timestamp;
use kaphost_spec::{Leaf, Leaves, Path, Segment};

use super::states::{Player, State};
use crate::answer::Reported;
use crate::decision::Violation;
use crate::waiver::{Waiver, WaiverRecord, WaiverState};

/// The waivers that are about one cluster.
pub(super) struct Waiving<'a>(Vec<Candidate<'a>>);

struct Candidate<'a> {
    waiver: &'a Waiver,
    /// Why it does not hold.
    lapse: Option<WaiverState>,
    /// The policies that it names.
    policies: Vec<usize>,
}

impl<'a> Waiving<'a> {
    pub(super) fn new<R>(waivers: &'a [Waiver], cluster: &str, now: Timestamp, players: &[Player<'_, R>]) -> Self {
        let named = |waiver: &Waiver, player: &Player<'_, R>| {
            player.terms.set.as_ref() == Some(&waiver.set) && player.description.name == waiver.policy
        };
        let candidate = |waiver: &'a Waiver| Candidate {
            waiver,
            lapse: waiver.lapse(now),
            policies: players.iter().enumerate().filter(|(_, player)| named(waiver, player)).map(|(index, _)| index).collect(),
        };
        Self(waivers.iter().filter(|waiver| waiver.is_for(cluster)).map(candidate).collect())
    }

    /// The first waiver that holds for this violation, which was found in this state.
    pub(super) fn find(&self, policy: usize, reported: &Reported, state: &State) -> Option<usize> {
        self.0.iter().position(|candidate| {
            candidate.lapse.is_none()
                && candidate.policies.contains(&policy)
                && candidate.waiver.rule == reported.rule
                && candidate.waiver.value.as_ref().is_none_or(|value| concerns(value, &reported.path, state.leaves()))
        })
    }

    /// What became of each, and the violations' waivers as indices into that. `tried` says whether all policies were asked.
    ///
    /// One for every cluster that this cluster has no need of is left out: it is for others.
    pub(super) fn records(&self, violations: &mut [Violation], tried: bool) -> Vec<WaiverRecord> {
        let mut records = Vec::new();
        let mut new_index = Vec::with_capacity(self.0.len());
        for (index, Candidate { waiver, lapse, .. }) in self.0.iter().enumerate() {
            let waived = violations.iter().filter(|violation| violation.waiver == Some(index)).count();
            let state = match lapse {
                Some(lapse) => *lapse,
                None if waived > 0 => WaiverState::Used,
                None if tried => WaiverState::Unused,
                None => WaiverState::Untried,
            };
            new_index.push(records.len());
            if waiver.cluster == "*" && matches!(state, WaiverState::Unused | WaiverState::Untried) {
                continue;
            }
            records.push(WaiverRecord::new(waiver, state, waived));
        }
        for violation in violations {
            violation.waiver = violation.waiver.and_then(|index| new_index.get(index).copied());
        }
        records
    }
}

/// Whether this is the value at the path, or the key of the innermost entry around it: `0.0.0.0/0` in `ssh.allow["0.0.0.0/0"]`.
fn concerns(value: &str, path: &Path, leaves: &Leaves) -> bool {
    let key = path.segments().iter().rev().find_map(|segment| match segment {
        Segment::Key(key) => Some(key.as_str()),
        Segment::Field(_) => None,
    });
    if key == Some(value) {
        return true;
    }
    match leaves.get(path) {
        None | Some(Leaf::Present) => false,
        Some(Leaf::Text(text)) => text == value,
        Some(Leaf::Bool(flag)) => flag.to_string() == value,
        Some(Leaf::Int(number)) => number.to_string() == value,
        Some(Leaf::Texts(texts)) => texts.join(" ") == value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_leaf_or_the_key_around_it() {
        let spec = crate::testing::spec(
            r#"cluster "kapacitor-stage" region="us-east-1" {
                ami "ami-0abcd1234"
                instance-type "t3.small"
                network vpc="vpc-0a1b2c3d" { subnets "subnet-0aaa1111" }
                ssh { allow cidr="0.0.0.0/0" description="the world" }
                scaling { termination-policies "OldestInstance" "Default" }
                tag "Team" "metrics"
            }"#,
        );
        let leaves = spec.cluster.leaves();
        let about = |value: &str, path: &str| concerns(value, &path.parse().unwrap(), &leaves);
        for (value, path) in [
            ("0.0.0.0/0", r#"ssh.allow["0.0.0.0/0"]"#),
            ("0.0.0.0/0", r#"ssh.allow["0.0.0.0/0"].description"#),
            ("the world", r#"ssh.allow["0.0.0.0/0"].description"#),
            ("default", "tenancy"),
            ("false", "network.public-ip"),
            ("22", "ssh.port"),
            ("metrics", r#"tag["Team"]"#),
            ("Team", r#"tag["Team"]"#),
            ("Owner", r#"tag["Owner"]"#),
            ("OldestInstance Default", "scaling.termination-policies"),
        ] {
            assert!(about(value, path), "{value} {path}");
        }
        for (value, path) in [
            ("0.0.0.0/0", "ssh.allow"),
            ("0.0.0.0/0", "ssh"),
            ("0.0.0.0/0", r#"ssh.allow["::/0"]"#),
            ("dedicated", "tenancy"),
            ("2", "ssh.port"),
            ("", "ssh.key"),
        ] {
            assert!(!about(value, path), "{value} {path}");
        }
    }
}
