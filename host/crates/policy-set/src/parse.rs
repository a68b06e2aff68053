//! KDL → [`PolicySet`].

use std::sync::Arc;

use kaphost_policy::{SettingValue, Terms, TypedSetting};
use kaphost_sign::VerifyingKey;
use kaphost_spec::reading::{self, Free, Said, Scalar, Section};
use kaphost_spec::{Code, ConfigSource, Origin, Path, Report, Span, hex};
use sha2::{Digest as _, Sha256};

use crate::set::{Entry, Places, PolicySet, WaiverPlaces};
use crate::words::{PolicyName, digest, enforcement, fact, key, path, pattern};
use crate::{limits, waiver};

impl PolicySet {
    /// Reads a policy set.
    ///
    /// # Errors
    /// Every mistake of the text, in its order. When it is no KDL, only that.
    pub fn parse(source: ConfigSource) -> Result<Self, Report> {
        parse(source, Digests::Needed)
    }
}

/// Whether a set may leave digests out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Digests {
    /// No: without them it says nothing that can be relied on.
    Needed,
    /// While they are still to be written into it.
    MayLack,
}

pub(crate) fn parse(source: ConfigSource, digests: Digests) -> Result<PolicySet, Report> {
    let source = Arc::new(source);
    let ((entries, waivers), warnings) = reading::read(&source, "policy set", |top| set(top, &source, digests))?;
    let (waivers, waiver_places) = waivers.into_iter().unzip();
    let sha256 = hex(&Sha256::digest(source.text.as_bytes()));
    Ok(PolicySet { source, sha256, entries, waivers, waiver_places, warnings })
}

type Read = (Vec<Entry>, Vec<(kaphost_policy::Waiver, WaiverPlaces)>);

/// `None` when an entry is broken, which is reported.
fn set(top: Section<'_>, source: &ConfigSource, digests: Digests) -> Option<Read> {
    let signers = signers(&top);
    let horizon_days = waiver::horizon_days(top.section("waivers"));
    let nodes = top.keyed::<PolicyName>("policy", Code::InvalidName);
    let said = nodes.len();
    let entries: Vec<Entry> = nodes.into_iter().filter_map(|(name, section)| entry(name, section, source, &signers, digests)).collect();
    let broken = entries.len() < said;
    let waivers = waiver::read(&top, source, horizon_days, &entries, broken);
    // A misspelt `policy` is said as such.
    if top.names().all(|name| matches!(name, "waiver" | "waivers" | "signed-by")) {
        let end = source.text.len().min(1);
        let diagnostic = top.diagnostic(Code::EmptySet, 0..end, "the policy set names no policy");
        let help = "name one: `policy \"restrict-ssh\" path=\"restrict-ssh.wasm\" sha256=\"…\" enforcement=\"mandatory\"`";
        top.report(diagnostic.with_label("no `policy` in this file").with_help(help));
    }
    top.finish();
    (!broken).then_some((entries, waivers))
}

fn entry(name: Option<PolicyName>, section: Section<'_>, source: &ConfigSource, all: &[Signer], digests: Digests) -> Option<Entry> {
    let node = section.span();
    let here = section.need("path", "name the module's file, relative to the folder of this set: `path=\"restrict-ssh.wasm\"`", path);
    let in_registry = matches!(here, Some((_, Some(_))));
    // Of a path that is wrong it is not known whether it needs one.
    let lacks = in_registry || digests == Digests::MayLack || (here.is_none() && section.has("path"));
    let sha256 = if lacks {
        match section.said("sha256", digest) {
            Said::Is(digest) => Some(Some(digest)),
            Said::Wrong => None,
            Said::No | Said::Null => Some(None),
        }
    } else {
        section.need("sha256", "`sha256sum FILE` prints it; look at the module before you put its digest here", digest).map(Some)
    };
    if let Some((_, Some(reference))) = &here
        && reference.digest().is_none()
        && digests == Digests::Needed
    {
        let diagnostic =
            section.diagnostic(Code::Unpinned, section.span_of("path"), "`path` names a tag, which may be moved, and no digest");
        let help = format!("`kaphost policy lock {}` writes it behind the tag: `{reference}@sha256:…`", source.name);
        section.report(diagnostic.with_label("no digest").with_help(help));
    }
    let own = signers(&section);
    let signers = if own.is_empty() { all.to_vec() } else { own };
    let enforcement = section.need("enforcement", "say how it is held to: `disabled`, `advisory`, `mandatory` or `remediate`", enforcement);
    let grants = |name| section.list(name, pattern).unwrap_or_default().into_iter().map(|(pattern, _)| pattern).collect();
    let (writes, loosens) = (grants("writes"), grants("loosens"));
    let facts = section.list("facts", fact).unwrap_or_default().into_iter().map(|(fact, _)| fact).collect();
    let user_data = switch(section.section("user-data"), &section);
    let limits = limits::read(section.section("limits"));
    let (settings, setting_places) = settings(section.section("settings"));
    let places = Places { name: node.clone(), path: section.span_of("path"), sha256: section.span_of("sha256"), settings: setting_places };
    section.finish();
    let terms = Terms { enforcement: enforcement?, writes, loosens, facts, user_data, set: Some(source.name.clone()) };
    let (path, reference) = here?;
    Some(Entry { name: name?.0, path, reference, sha256: sha256?, signers, terms, limits, settings, places })
}

/// A key, and where it stands.
type Signer = (VerifyingKey, Span);

/// The keys of `signed-by`. Each must have signed.
fn signers(section: &Section<'_>) -> Vec<Signer> {
    let place = |origin: Origin| match origin {
        Origin::Config(span) | Origin::Defaults(span) => span,
        Origin::BuiltIn => 0..0,
    };
    section.list("signed-by", key).unwrap_or_default().into_iter().map(|(key, origin)| (key, place(origin))).collect()
}

/// A grant that is given by being named, or taken back with `#false`.
fn switch(section: Section<'_>, parent: &Section<'_>) -> bool {
    let granted = match section.argument(0, &Path::root().field("user-data"), |value| value.flag()) {
        Said::Is(granted) => granted,
        Said::No => section.is_said(),
        Said::Wrong => false,
        Said::Null => {
            let diagnostic = parent.diagnostic(Code::WrongType, section.span(), "`user-data` is `#null`");
            parent.report(diagnostic.with_help("name it to grant it, or leave it out"));
            false
        }
    };
    section.finish();
    granted
}

/// Each setting as it is written, and its place (that of its name, and those of its values): what it may be is for the module to say. For other
/// documents that give settings too.
pub fn settings(section: Section<'_>) -> (Vec<TypedSetting>, Vec<(Span, Vec<Span>)>) {
    let mut settings = Vec::new();
    let mut places = Vec::new();
    for Free { name, span, values } in section.free() {
        let mut typed = Vec::with_capacity(values.len());
        let mut spans = Vec::with_capacity(values.len());
        for (scalar, place) in values {
            match value(scalar) {
                Ok(value) => {
                    typed.push(value);
                    spans.push(place);
                }
                Err(problem) => {
                    let diagnostic = section.diagnostic(Code::WrongType, place, format!("the setting `{name}` {problem}"));
                    section.report(diagnostic.with_label(problem).with_help("write text, a whole number, `#true` or `#false`"));
                }
            }
        }
        settings.push(TypedSetting { name, values: typed });
        places.push((span, spans));
    }
    section.finish();
    (settings, places)
}

fn value(scalar: Scalar) -> Result<SettingValue, &'static str> {
    match scalar {
        Scalar::Text(text) => Ok(SettingValue::Text(text)),
        Scalar::Boolean(value) => Ok(SettingValue::Boolean(value)),
        Scalar::Integer(value) => i64::try_from(value).map(SettingValue::Integer).map_err(|_| "is a number of more than 64 bits"),
        Scalar::Fraction => Err("is a fraction, which no setting takes"),
        Scalar::Null => Err("is `#null`, which no setting takes"),
    }
}
