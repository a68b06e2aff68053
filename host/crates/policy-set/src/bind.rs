//! An entry and its loaded module → a policy: what only the module can tell.

use kaphost_policy::{Description, Misgiven, Module, Policy, SettingError, SettingKind, Settings, visible};
use kaphost_spec::{Code, Diagnostic, nearest};

use crate::set::{Entry, PolicySet};

impl PolicySet {
    /// Makes policies of the entries, once their modules are loaded: one for each, in the order of [`PolicySet::entries`].
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn bind(&self, modules: Vec<Module>) -> Result<Vec<Policy>, Vec<Diagnostic>> {
        let descriptions: Vec<&Description> = modules.iter().map(Module::description).collect();
        let settings = self.check(&descriptions)?;
        let all = modules.into_iter().zip(settings).zip(&self.entries);
        Ok(all.map(|((module, settings), entry)| Policy::new(module, settings, entry.terms.clone())).collect())
    }

    /// Holds the entries against what their modules say of themselves, one for each, in the order of [`PolicySet::entries`]. Gives each its settings.
    ///
    /// # Errors
    /// Every module that calls itself by another name than its entry, every setting that its module does not take, and every waiver of a rule that
    /// there is not; each at its place in the set.
    pub fn check(&self, descriptions: &[&Description]) -> Result<Vec<Settings>, Vec<Diagnostic>> {
        let mut wrong = Vec::new();
        let mut all = Vec::with_capacity(descriptions.len());
        for (entry, description) in self.entries.iter().zip(descriptions) {
            wrong.extend(self.waived_rules(entry, description));
            match (self.name_of(entry, description), description.typed_settings(&entry.settings)) {
                (None, Ok(settings)) => all.push(settings),
                // The settings of another policy than the one that is meant say nothing.
                (Some(diagnostic), _) => wrong.push(diagnostic),
                (None, Err(errors)) => wrong.extend(errors.into_iter().map(|misgiven| self.misgiven(entry, misgiven))),
            }
        }
        wrong.sort_by_key(|diagnostic| diagnostic.span().start);
        if wrong.is_empty() { Ok(all) } else { Err(wrong) }
    }

    fn name_of(&self, entry: &Entry, description: &Description) -> Option<Diagnostic> {
        if entry.name == description.name {
            return None;
        }
        let message = format!("`{}` holds the policy `{}`, not `{}`", visible(&entry.path, 200), description.name, entry.name);
        let diagnostic = Diagnostic::new(Code::OtherPolicy, &self.source, entry.places.path.clone(), message);
        let help = format!("name the file of `{}`; or, when `{}` is meant, say so and give its settings", entry.name, description.name);
        Some(
            diagnostic
                .with_label(format!("calls itself `{}`", description.name))
                .with_help(help)
                .with_related(entry.places.name.clone(), "named here"),
        )
    }

    fn waived_rules<'a>(&'a self, entry: &'a Entry, description: &'a Description) -> impl Iterator<Item = Diagnostic> {
        let mine = self.waivers.iter().zip(&self.waiver_places).filter(|(waiver, _)| waiver.policy == entry.name);
        mine.filter(|(waiver, _)| entry.name == description.name && description.rule(&waiver.rule).is_none()).map(|(waiver, places)| {
            let known: Vec<&str> = description.rules.iter().map(|rule| rule.id.as_str()).collect();
            let help = nearest(&waiver.rule, known.iter().copied())
                .map_or_else(|| format!("its rules are: {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
            let message = format!("the policy `{}` has no rule `{}`", waiver.policy, waiver.rule);
            Diagnostic::new(Code::UnknownTarget, &self.source, places.rule.clone(), message).with_label("waives nothing").with_help(help)
        })
    }

    fn misgiven(&self, entry: &Entry, Misgiven { error, at }: Misgiven) -> Diagnostic {
        let place = at.and_then(|(setting, value)| {
            let (name, values) = entry.places.settings.get(setting)?;
            value.map_or(Some(name), |value| values.get(value)).cloned()
        });
        let (code, label) = match &error {
            SettingError::Unknown { .. } => (Code::UnknownSetting, format!("not a setting of `{}`", entry.name)),
            SettingError::Missing { name, .. } => (Code::MissingSetting, format!("`{name}` is missing")),
            SettingError::Mistyped { kind, .. } => (Code::MistypedSetting, format!("must be {}", spelled(*kind))),
            SettingError::OutOfRange { from, to, .. } => (Code::SettingOutOfRange, format!("must be {from} to {to}")),
            SettingError::Repeated { .. } => (Code::UnexpectedArgument, "one too many".to_owned()),
            SettingError::TooLong { .. } => (Code::SettingTooLong, "too long".to_owned()),
        };
        let help = match &error {
            SettingError::Mistyped { kind, .. } => format!("write {}", spelled(*kind)),
            SettingError::Missing { name, kind, doc } => format!("write `settings {{ {name} … }}`, {}: {doc}", spelled(*kind)),
            SettingError::Unknown { .. }
            | SettingError::OutOfRange { .. }
            | SettingError::Repeated { .. }
            | SettingError::TooLong { .. } => error.help(),
        };
        let what = match &error {
            SettingError::Mistyped { name, given, kind } => format!("the setting `{name}` is `{given}`, not {}", spelled(*kind)),
            other => other.to_string(),
        };
        let span = place.unwrap_or_else(|| entry.places.name.clone());
        Diagnostic::new(code, &self.source, span, format!("policy `{}`: {what}", entry.name)).with_label(label).with_help(help)
    }
}

/// A type as KDL spells its values.
fn spelled(kind: SettingKind) -> String {
    match kind {
        SettingKind::Boolean => "`#true` or `#false`".to_owned(),
        SettingKind::Text => "text in double quotes".to_owned(),
        SettingKind::Texts => "texts, each in double quotes".to_owned(),
        SettingKind::Integer(..) => kind.to_string(),
    }
}
