//! KDL → [`Suite`].

use std::collections::BTreeMap;
use std::sync::Arc;

use kaphost_policy::TypedSetting;
use kaphost_policy_set::settings;
use kaphost_spec::reading::{self, Said, Section, Value, Wrong};
use kaphost_spec::{Code, ConfigSource, Path, Report, Span};

use super::expected::{Expected, shown};
use super::{Case, From, Places, Replacement, Suite};

/// Characters of a case's name: a line of a report.
const NAME_CHARS: usize = 200;

/// What a file says for all of its cases.
struct Common {
    config: Option<(From, Span)>,
    facts: Option<(From, Span)>,
    user_data: bool,
    settings: Vec<TypedSetting>,
    setting_places: Vec<(Span, Vec<Span>)>,
}

impl Suite {
    /// Reads cases.
    ///
    /// # Errors
    /// Every mistake of the text, in its order. When it is no KDL, only that.
    pub fn parse(source: ConfigSource) -> Result<Self, Report> {
        let source = Arc::new(source);
        let (cases, _) = reading::read(&source, "cases", suite)?;
        Ok(Self { source, cases })
    }
}

/// `None` when a case is broken, which is reported.
fn suite(top: Section<'_>) -> Option<Vec<Case>> {
    let common = common(&top);
    let nodes = top.each("case");
    if nodes.is_empty() {
        let diagnostic = top.diagnostic(Code::MissingValue, 0..0, "the file holds no case");
        top.report(diagnostic.with_label("no `case` in this file").with_help("write one: `case \"what must come of it\" { … }`"));
    }
    let said = nodes.len();
    let mut seen: BTreeMap<String, Span> = BTreeMap::new();
    let cases: Vec<Case> = nodes.into_iter().filter_map(|section| case(section, &common, &mut seen)).collect();
    top.finish();
    (cases.len() == said && said > 0).then_some(cases)
}

fn common(section: &Section<'_>) -> Common {
    let config = from(section.section("config"), "config");
    let facts = from(section.section("facts"), "facts");
    let user_data = section.section("user-data");
    let granted = user_data.is_said();
    user_data.finish();
    let (mut settings, mut setting_places) = settings(section.section("settings"));
    // Where a value stands at least one is written: a list of none has a word of its own.
    for (name, place) in
        section.list("empty-setting", |value| Ok((value.text()?, value.span()))).unwrap_or_default().into_iter().map(|(one, _)| one)
    {
        settings.push(TypedSetting { name, values: Vec::new() });
        setting_places.push((place, Vec::new()));
    }
    Common { config, facts, user_data: granted, settings, setting_places }
}

/// A text: an argument holds it, or `file=` says where it is.
fn from(section: Section<'_>, what: &'static str) -> Option<(From, Span)> {
    let span = section.span();
    let inline = section.argument(0, &Path::root().field(what), Value::text).ok();
    let file = section.maybe("file", Value::text);
    let found = match (inline, file) {
        (Some(text), None) => Some(From::Here(text)),
        (None, Some(file)) => Some(From::File(file)),
        (None, None) if !section.is_said() => None,
        _ => {
            let diagnostic =
                section.diagnostic(Code::MissingValue, span.clone(), format!("`{what}` takes its text, or the name of its file"));
            section.report(diagnostic.with_label("one of the two").with_help(format!("write `{what} file=\"…\"`, or the text behind it")));
            None
        }
    };
    section.finish();
    found.map(|from| (from, span))
}

fn case(section: Section<'_>, common: &Common, seen: &mut BTreeMap<String, Span>) -> Option<Case> {
    let (span, node) = (section.span(), section.extent());
    let name = match section.argument(0, &Path::root().field("case"), name) {
        Said::Is(name) => Some(name),
        Said::Wrong => None,
        Said::No | Said::Null => {
            section.missing(Code::MissingValue, "a name", "say in one line what must come of it: `case \"an open port is refused\"`");
            None
        }
    };
    let own = self::common(&section);
    let replace: Vec<Replacement> = section.each("replace").into_iter().filter_map(replacement).collect();
    let expect = section.section("expect");
    let extent = expect.is_said().then(|| expect.extent());
    let expected = Expected::read(expect);
    let config = own.config.clone().or_else(|| common.config.clone());
    if config.is_none() {
        let diagnostic = section.diagnostic(Code::MissingValue, span.clone(), "the case has no config");
        section.report(
            diagnostic
                .with_label("`config` is missing")
                .with_help("write `config file=\"cluster.kdl\"` here, or above, for all cases of the file"),
        );
    }
    if let Some(name) = &name {
        if let Some(first) = seen.get(name) {
            let diagnostic = section.diagnostic(Code::Duplicate, span.clone(), format!("the case `{}` is there twice", shown(name)));
            section
                .report(diagnostic.with_label("again").with_related(first.clone(), "first here").with_help("give each a name of its own"));
        } else {
            seen.insert(name.clone(), span.clone());
        }
    }
    section.finish();
    let (config, config_span) = config?;
    let (facts, facts_span) = own.facts.or_else(|| common.facts.clone()).map_or((None, span.clone()), |(from, span)| (Some(from), span));
    // The case's own words stand over the file's.
    let (mut settings, mut places) = (own.settings, own.setting_places);
    for (setting, place) in common.settings.iter().zip(&common.setting_places) {
        if settings.iter().all(|own| own.name != setting.name) {
            settings.push(setting.clone());
            places.push(place.clone());
        }
    }
    Some(Case {
        name: name?,
        config,
        replace,
        settings,
        facts,
        user_data: own.user_data || common.user_data,
        expected: expected?,
        span,
        places: Places { node, expect: extent, settings: places, config: config_span, facts: facts_span },
    })
}

fn name(value: &Value<'_>) -> Result<String, Wrong> {
    let text = value.text()?;
    if text.trim().is_empty() || text.chars().any(char::is_control) || text.chars().count() > NAME_CHARS {
        return Err(value.wrong(Code::InvalidName, "is no name of a case", format!("one line of 1 to {NAME_CHARS} characters")));
    }
    Ok(text)
}

fn replacement(section: Section<'_>) -> Option<Replacement> {
    let span = section.span();
    let [old, new] = [0, 1].map(|index| section.argument(index, &Path::root().field("replace"), Value::text));
    let missing = matches!((&old, &new), (Said::No | Said::Null, _) | (_, Said::No | Said::Null));
    if missing {
        section.missing(
            Code::MissingValue,
            "two texts",
            "write what is in the config, and what stands in its place: `replace \"t3.small\" \"t3.micro\"`",
        );
    }
    section.finish();
    let (old, new) = (old.ok()?, new.ok()?);
    Some(Replacement { old, new, span })
}
