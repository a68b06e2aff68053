//! What the policies did: their changes with reasons, their violations with places, and what they said.

use std::fmt;
use std::sync::Arc;

use kaphost_findings::{Finding, Kind, Level, Waived};
use kaphost_policy::{
    Admission, Change, Decision, Effect, Enforcement, PolicyRecord, Severity, Violation, WaiverRecord, setting_of, visible,
};
use kaphost_spec::{ConfigSource, Leaf, Span, Spec};
use miette::{Diagnostic, LabeledSpan, SourceCode};
use serde_json::{Value, json};

use crate::policies::Policies;
use crate::render::explain::author;
use crate::render::{diagnostic, finding};
use crate::term::{self, BAD, FAINT, GOOD, POLICY, STRONG, paint};

/// Longest value that is shown whole, in characters.
const VALUE_CHARS: usize = 60;

/// Each policy with what it changed and why, and the verdict.
#[must_use]
pub(crate) fn text(decision: &Decision, spec: &Spec) -> String {
    let file = &spec.origins.source().name;
    let mut out = format!("{} {} ({file})\n", paint(STRONG, "Policies for"), decision.cluster);
    if decision.policies.is_empty() {
        out.push_str(&format!("  {}\n", paint(FAINT, "none: give them with --policy")));
    }
    for (index, policy) in decision.policies.iter().enumerate() {
        let of = |changes: &'_ [Change]| changes.iter().filter(|change| change.policy == index).count();
        let (changed, advised) = (of(&decision.changes), of(&decision.advice));
        let name = format!("{} {}", policy.name, policy.version);
        let set = policy.set.as_ref().map(|set| format!("  {}, {set}", policy.enforcement)).unwrap_or_default();
        let identity = format!("{}{set}", short(&policy.digest));
        out.push_str(&format!("  {} {}  {}\n", paint(POLICY, name), did(policy, changed, advised), paint(FAINT, identity)));
        for change in decision.changes.iter().filter(|change| change.policy == index) {
            out.push_str(&one(change, spec, false));
        }
        for change in decision.advice.iter().filter(|change| change.policy == index) {
            out.push_str(&one(change, spec, true));
        }
    }
    out.push_str(&waived(decision));
    out
}

/// What a policy did, in a few words.
fn did(policy: &PolicyRecord, changed: usize, advised: usize) -> String {
    let values = |count: usize| if count == 1 { "1 value".to_owned() } else { format!("{count} values") };
    match (policy.enforcement, changed, advised) {
        (Enforcement::Disabled, ..) => "is disabled".to_owned(),
        (_, 0, 0) => "changed nothing".to_owned(),
        (_, 0, advised) => format!("would change {}", values(advised)),
        (_, changed, _) => format!("changed {}", values(changed)),
    }
}

/// Violations that a waiver holds for: how many, and each with who granted it and until when.
#[must_use]
pub(crate) fn waived(decision: &Decision) -> String {
    let all: Vec<&Violation> = decision.violations(Effect::Waived).collect();
    if all.is_empty() {
        return String::new();
    }
    let mut out = format!("{} {}\n", paint(STRONG, "Waived:"), all.len());
    for violation in all {
        let policy = decision.policy(violation.policy).map_or("", |policy| policy.name.as_str());
        let rule = format!("{policy}/{}", violation.rule);
        let what = format!("  {} at {}  {}", paint(POLICY, rule), paint(STRONG, &violation.path), visible(&violation.message, 200));
        out.push_str(&term::hanging(&what, 6));
        if let Some(WaiverRecord { ticket, owner, expires, reason, place, .. }) = decision.waiver(violation) {
            let by = format!("by {ticket} until {expires}, {owner}: {reason} ({place})");
            for line in textwrap::wrap(&visible(&by, 1_000), term::width().saturating_sub(6)) {
                out.push_str(&format!("      {}\n", paint(FAINT, line)));
            }
        }
    }
    out
}

/// A change, or what would be one.
fn one(change: &Change, spec: &Spec, advice: bool) -> String {
    let old = change.old.as_ref().map_or_else(|| "unset".to_owned(), value);
    let new = change.new.as_ref().map_or_else(|| "gone".to_owned(), value);
    let place = place(spec, change).map(|place| format!("  {}", paint(FAINT, place))).unwrap_or_default();
    let not = if advice { format!("  {}", paint(FAINT, "(advice: not done)")) } else { String::new() };
    let mut out = format!("    {}  {} → {}{not}{place}\n", paint(STRONG, &change.path), paint(BAD, old), paint(GOOD, new));
    let because = format!("{}: {}", change.rule, change.reason);
    for line in textwrap::wrap(&because, term::width().saturating_sub(8)) {
        out.push_str(&format!("        {}\n", paint(FAINT, line)));
    }
    out
}

/// Where the config says what was changed; nothing where it does not say it.
fn place(spec: &Spec, change: &Change) -> Option<String> {
    use kaphost_spec::Origin::{Config, Defaults};
    match spec.origins.of(&change.path) {
        Config(span) | Defaults(span) => {
            let source = spec.origins.source();
            let position = source.position(span.start);
            Some(format!("{}:{}:{}", source.name, position.line, position.column))
        }
        kaphost_spec::Origin::BuiltIn => None,
    }
}

/// `0.1.0 sha256:0123456789ab`
#[must_use]
pub(crate) fn identity(policy: &PolicyRecord) -> String {
    format!("{} {}", policy.version, short(&policy.digest))
}

fn short(digest: &str) -> String {
    format!("sha256:{}", digest.get(..12).unwrap_or(digest))
}

/// A value as the config spells it, shortened.
#[must_use]
pub(crate) fn value(leaf: &Leaf) -> String {
    visible(&leaf.to_string(), VALUE_CHARS)
}

/// Where things stand that the policy sets say.
pub(crate) trait Sets {
    /// The waiver of a record: where it says when it ends, if that is what is odd about it.
    fn waiver(&self, waiver: &WaiverRecord) -> Option<(Arc<ConfigSource>, Span)>;

    /// A setting of the policy of this number. `None` when no set gave it.
    fn setting(&self, policy: usize, name: &str) -> Option<(Arc<ConfigSource>, Span)>;
}

/// There is no policy set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoSets;

impl Sets for NoSets {
    fn waiver(&self, _: &WaiverRecord) -> Option<(Arc<ConfigSource>, Span)> {
        None
    }

    fn setting(&self, _: usize, _: &str) -> Option<(Arc<ConfigSource>, Span)> {
        None
    }
}

/// Every violation of one effect, with its place.
#[must_use]
pub(crate) fn violations(decision: &Decision, spec: &Spec, effect: Effect, sets: &impl Sets) -> String {
    decision.violations(effect).map(|violation| diagnostic::text(&Located::new(violation, decision, spec, sets))).collect()
}

/// The same for programs.
#[must_use]
pub(crate) fn violations_json(decision: &Decision, spec: &Spec, effect: Effect, sets: &impl Sets) -> Vec<Value> {
    decision.violations(effect).map(|violation| Located::new(violation, decision, spec, sets).json()).collect()
}

/// The same as findings of a check. What an advisory policy would change is among what it advises.
#[must_use]
pub(crate) fn findings(decision: &Decision, spec: &Spec, effect: Effect, policies: &Policies) -> Vec<Finding> {
    let one = |violation: &Violation| {
        let waiver = decision.waiver(violation);
        Finding {
            about: policies.about(violation.policy, &violation.rule),
            ..Located::new(violation, decision, spec, policies).finding(waiver)
        }
    };
    let mut all: Vec<Finding> = decision.violations(effect).map(one).collect();
    if effect == Effect::Advise {
        all.extend(decision.advice.iter().map(|change| advised(change, decision, spec, policies)));
    }
    all
}

/// What an advisory policy would change.
fn advised(change: &Change, decision: &Decision, spec: &Spec, policies: &Policies) -> Finding {
    let policy = decision.policy(change.policy).map_or("", |policy| policy.name.as_str());
    let would = match &change.new {
        Some(new) => format!("would make `{}` {}: {}", change.path, value(new), change.reason),
        None => format!("would take `{}` away: {}", change.path, change.reason),
    };
    Finding {
        policy: Some(policy.to_owned()),
        path: Some(change.path.to_string()),
        about: policies.about(change.policy, &change.rule),
        place: Some(finding::place(spec.origins.source(), &spec.origins.nearest(&change.path))),
        ..finding::plain(Kind::Advice, Level::Note, format!("{policy}/{}", change.rule), would)
    }
}

/// A violation, and where it points: into the config, or into the policy set when it is a setting that is wrong.
#[derive(Debug)]
struct Located<'a> {
    violation: &'a Violation,
    policy: &'a str,
    source: Arc<ConfigSource>,
    span: Span,
    /// The policy that wrote the value, when it is not the config's own.
    writer: Option<(&'a PolicyRecord, &'a Change)>,
}

impl<'a> Located<'a> {
    fn new(violation: &'a Violation, decision: &'a Decision, spec: &'a Spec, sets: &impl Sets) -> Self {
        let in_set = setting_of(&violation.path).and_then(|name| sets.setting(violation.policy, name));
        let (source, span) = in_set.unwrap_or_else(|| (Arc::clone(spec.origins.source()), spec.origins.nearest(&violation.path)));
        Self {
            violation,
            policy: decision.policy(violation.policy).map_or("", |policy| policy.name.as_str()),
            source,
            span,
            writer: decision.last_writer(&violation.path),
        }
    }

    /// Who wrote what breaks the rule, in words; the path where the config did.
    fn label(&self) -> String {
        let Some((policy, change)) = self.writer else { return self.violation.path.to_string() };
        let new = change.new.as_ref().map_or_else(|| "gone".to_owned(), value);
        let old = change.old.as_ref().map_or_else(|| "unset".to_owned(), value);
        format!("written by policy {} {} ({}): {} was {old} and is now {new}", policy.name, policy.version, change.rule, change.path)
    }

    fn finding(&self, waiver: Option<&WaiverRecord>) -> Finding {
        let (kind, level) = match self.violation.effect {
            Effect::Deny => (Kind::Violation, Level::Error),
            Effect::Advise => (Kind::Advice, Level::Warning),
            Effect::Waived => (Kind::Waived, Level::Note),
        };
        let Violation { rule, severity, path, message, help, url, .. } = self.violation;
        Finding {
            policy: Some(self.policy.to_owned()),
            severity: Some(severity.to_string()),
            path: Some(path.to_string()),
            help: help.clone(),
            url: url.clone(),
            place: Some(finding::place(&self.source, &self.span)),
            written_by: self.writer.map(|_| self.label()),
            waiver: waiver.map(|waiver| Waived {
                owner: waiver.owner.clone(),
                ticket: waiver.ticket.clone(),
                reason: waiver.reason.clone(),
                expires: waiver.expires.to_string(),
            }),
            ..finding::plain(kind, level, format!("{}/{rule}", self.policy), message.clone())
        }
    }

    fn json(&self) -> Value {
        let position = self.source.position(self.span.start);
        json!({
            "policy": self.policy,
            "rule": self.violation.rule,
            "severity": self.violation.severity,
            "effect": self.violation.effect,
            "waiver": self.violation.waiver,
            "path": self.violation.path,
            "message": self.violation.message,
            "help": self.violation.help,
            "url": self.violation.url,
            "file": self.source.name,
            "line": position.line,
            "column": position.column,
            "written-by": self.writer.map(|(policy, change)| json!({
                "policy": author(policy),
                "rule": change.rule,
                "reason": change.reason,
                "path": change.path,
                "old": change.old,
                "new": change.new,
            })),
        })
    }
}

impl fmt::Display for Located<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.violation.message)
    }
}

impl std::error::Error for Located<'_> {}

impl Diagnostic for Located<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        let advisory = if self.violation.effect == Effect::Advise { ", advisory" } else { "" };
        Some(Box::new(format!("{}/{} ({}{advisory})", self.policy, self.violation.rule, self.violation.severity)))
    }

    fn severity(&self) -> Option<miette::Severity> {
        if self.violation.effect != Effect::Deny {
            return Some(miette::Severity::Warning);
        }
        Some(match self.violation.severity {
            Severity::Low => miette::Severity::Advice,
            Severity::Medium => miette::Severity::Warning,
            Severity::High | Severity::Critical => miette::Severity::Error,
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        Some(match (&self.violation.help, &self.violation.url) {
            (Some(help), Some(url)) => Box::new(format!("{help}\n{url}")),
            (Some(one), None) | (None, Some(one)) => Box::new(one),
            (None, None) => return None,
        })
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(Some(self.label()), self.span.clone()))))
    }
}

/// What the policies said meanwhile. Sanitised where it entered.
#[must_use]
pub(crate) fn logs(admission: &Admission) -> String {
    let mut out = String::new();
    for call in &admission.logs {
        let policy = admission.decision.policy(call.policy).map_or("", |policy| policy.name.as_str());
        for (level, message) in &call.log.messages {
            out.push_str(&format!("{policy} {} {level}: {message}\n", call.operation));
        }
        if call.log.dropped > 0 {
            out.push_str(&format!("{policy} {}: {} more messages\n", call.operation, call.log.dropped));
        }
    }
    out
}
