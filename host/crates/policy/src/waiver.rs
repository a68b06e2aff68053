//! Exceptions that whoever owns a policy set grants: this rule, for this cluster, until then, because of that.

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

/// An exception. Holds for policies of its own set only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The policy set that holds it.
    pub set: String,
    /// The name of the policy.
    pub policy: String,
    /// Which of its rules.
    pub rule: String,
    /// The cluster's exact name, or `*` for every cluster.
    pub cluster: String,
    /// Only where this is the value, or the key of the entry, that breaks the rule.
    pub value: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// Where it was agreed.
    pub ticket: String,
    /// Why.
    pub reason: String,
    /// From this instant on it holds no more.
    pub expires: Timestamp,
    /// How many days ahead the set lets a waiver of its own expire. `None` sets no such limit.
    pub horizon_days: Option<u32>,
    /// Where it stands: `org.kdl:12:1`.
    pub place: String,
}

/// What became of a waiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WaiverState {
    /// It waives at least one violation.
    Used,
    /// Nothing breaks its rule in the way that it says: it can go.
    Unused,
    /// Whether it is needed is not known: a policy denied before the others were asked.
    Untried,
    /// Its time is over: it waives nothing.
    Expired,
    /// It expires further ahead than its set allows: it waives nothing.
    TooLong,
}

impl Waiver {
    /// Whether it is about this cluster.
    #[must_use]
    pub fn is_for(&self, cluster: &str) -> bool {
        self.cluster == "*" || self.cluster == cluster
    }

    /// Why it does not hold at this instant; `None` when it does.
    #[must_use]
    pub fn lapse(&self, now: Timestamp) -> Option<WaiverState> {
        if self.expires <= now {
            return Some(WaiverState::Expired);
        }
        // Time enough for whatever a day is: instants know no calendar.
        let ahead = |days: u32| SignedDuration::from_hours(24 * i64::from(days));
        match self.horizon_days {
            Some(days) if self.expires.duration_since(now) > ahead(days) => Some(WaiverState::TooLong),
            _ => None,
        }
    }
}

/// A waiver in a decision, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct WaiverRecord {
    /// Where it stands.
    pub place: String,
    /// What became of it.
    pub state: WaiverState,
    /// How many violations it waives.
    pub waived: usize,
    /// The policy set that holds it.
    pub set: String,
    /// The name of the policy.
    pub policy: String,
    /// Which of its rules.
    pub rule: String,
    /// The cluster's exact name, or `*`.
    pub cluster: String,
    /// Only for this value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Who answers for it.
    pub owner: String,
    /// Where it was agreed.
    pub ticket: String,
    /// Why.
    pub reason: String,
    /// From this instant on it holds no more. RFC 3339, UTC.
    #[serde(serialize_with = "instant")]
    pub expires: Timestamp,
    /// How many days ahead its set lets it expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizon_days: Option<u32>,
}

fn instant<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(instant)
}

impl WaiverRecord {
    /// What became of a waiver.
    #[must_use]
    pub fn new(waiver: &Waiver, state: WaiverState, waived: usize) -> Self {
        let Waiver { set, policy, rule, cluster, value, owner, ticket, reason, expires, horizon_days, place } = waiver.clone();
        Self { place, state, waived, set, policy, rule, cluster, value, owner, ticket, reason, expires, horizon_days }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn waiver() -> Waiver {
        Waiver {
            set: "org.kdl".into(),
            policy: "p".into(),
            rule: "r".into(),
            cluster: "kapacitor-stage".into(),
            value: None,
            owner: "ops@example.org".into(),
            ticket: "SEC-1".into(),
            reason: "Until the move.".into(),
            expires: at("2027-01-31T00:00:00Z"),
            horizon_days: Some(90),
            place: "org.kdl:12:1".into(),
        }
    }

    pub(crate) fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_waiver_holds_between_its_horizon_and_its_end() {
        let waiver = waiver();
        for (now, state) in [
            ("2026-11-01T23:59:59Z", Some(WaiverState::TooLong)),
            ("2026-11-02T00:00:00Z", None),
            ("2027-01-30T23:59:59.999999999Z", None),
            ("2027-01-31T00:00:00Z", Some(WaiverState::Expired)),
            ("2027-01-31T01:00:00+02:00", None),
        ] {
            assert_eq!(waiver.lapse(at(now)), state, "{now}");
        }
        let unlimited = Waiver { horizon_days: None, ..waiver };
        assert_eq!(unlimited.lapse(Timestamp::MIN), None);
        assert_eq!(Waiver { horizon_days: Some(u32::MAX), ..unlimited }.lapse(Timestamp::MIN), None);
    }

    #[test]
    fn a_name_is_meant_exactly() {
        let waiver = waiver();
        assert!(waiver.is_for("kapacitor-stage") && !waiver.is_for("kapacitor-stage-2") && !waiver.is_for("*"));
        assert!(Waiver { cluster: "*".into(), ..waiver }.is_for("anything"));
    }

    #[test]
    fn records_hold_the_instant_in_utc() {
        let record = WaiverRecord::new(&Waiver { expires: at("2027-01-31T01:00:00+02:00"), ..waiver() }, WaiverState::Used, 1);
        assert!(serde_json::to_string(&record).unwrap().contains(r#""expires":"2027-01-30T23:00:00Z""#));
    }
}
