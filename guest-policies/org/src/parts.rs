//! The policies that the organisation's is composed of: those that always hold, and those that `parts` switches on.

use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{Amended, Cluster, Description, Facts, Mutate, Policy, SETTINGS, SettingValue, Settings, Validate, Violation, path};

/// Names the parts that are switched on.
pub(crate) const PARTS: setting::Texts = setting::Texts::new(
    "parts",
    &[],
    "Further policies that hold, by name, such as imdsv2 or restrict-egress; none means those that always do.",
);

type MutateFn = fn(Cluster, &Facts, &Settings) -> Result<Amended, Vec<Violation>>;
type ValidateFn = fn(&Cluster, &Facts, &Settings) -> Vec<Violation>;

/// A policy, as a library.
pub(crate) struct Part {
    /// As the policy is called.
    pub(crate) name: &'static str,
    pub(crate) describe: fn() -> Description,
    pub(crate) settings: &'static [&'static dyn Declared],
    pub(crate) mutate: Option<MutateFn>,
    pub(crate) validate: Option<ValidateFn>,
}

macro_rules! part {
    (@mutate $policy:ty) => { Some(<$policy as Mutate>::mutate as MutateFn) };
    (@validate $policy:ty) => { Some(<$policy as Validate>::validate as ValidateFn) };
    ($name:literal, $crate_:ident::$policy:ident, $settings:expr, mutator) => {
        Part { name: $name, describe: <$crate_::$policy as Policy>::describe, settings: $settings, mutate: part!(@mutate $crate_::$policy), validate: None }
    };
    ($name:literal, $crate_:ident::$policy:ident, $settings:expr, validator) => {
        Part { name: $name, describe: <$crate_::$policy as Policy>::describe, settings: $settings, mutate: None, validate: part!(@validate $crate_::$policy) }
    };
    ($name:literal, $crate_:ident::$policy:ident, $settings:expr, policy) => {
        Part { name: $name, describe: <$crate_::$policy as Policy>::describe, settings: $settings, mutate: part!(@mutate $crate_::$policy), validate: part!(@validate $crate_::$policy) }
    };
}

/// What always holds, first.
pub(crate) const ALWAYS: &[Part] = &[part!("baseline", baseline::Baseline, &[], policy)];

/// What holds when `parts` names it. None of these needs facts: what a policy needs it needs always, and facts cost calls.
pub(crate) const ON_REQUEST: &[Part] = &[
    part!("imdsv2", imdsv2::Imdsv2, imdsv2::DECLARED, policy),
    part!("no-public-ip", no_public_ip::NoPublicIp, &[], policy),
    part!("restrict-ingress", restrict_ingress::RestrictIngress, restrict_ingress::DECLARED, validator),
    part!("restrict-egress", restrict_egress::RestrictEgress, restrict_egress::DECLARED, validator),
    part!("rule-descriptions", rule_descriptions::RuleDescriptions, rule_descriptions::DECLARED, validator),
    part!("health-checks", health_checks::HealthChecks, health_checks::DECLARED, validator),
    part!("no-secrets-in-user-data", no_secrets_in_user_data::NoSecretsInUserData, no_secrets_in_user_data::DECLARED, validator),
    part!("iam-least-privilege", iam_least_privilege::IamLeastPrivilege, iam_least_privilege::DECLARED, validator),
    part!("instance-types", instance_types::InstanceTypes, instance_types::DECLARED, validator),
    part!("allowed-regions", allowed_regions::AllowedRegions, allowed_regions::DECLARED, validator),
];

/// Describes all parts. Nothing is required of who switches nothing on.
pub(crate) fn describe(description: Description) -> Description {
    let parts = ALWAYS.iter().chain(ON_REQUEST);
    let mut description = parts.fold(description, |description, part| description.including((part.describe)()));
    for setting in &mut description.settings {
        setting.default_value.get_or_insert_with(|| SettingValue::Texts(Vec::new()));
    }
    description
}

/// The parts that hold.
pub(crate) fn holding<'a>(settings: &'a Settings) -> impl Iterator<Item = &'static Part> + use<'a> {
    let named = PARTS.get(settings);
    ALWAYS.iter().chain(ON_REQUEST.iter().filter(move |part| named.contains(&part.name)))
}

/// What is wrong with the choice of parts: a name that none has, and a setting of a part that is not switched on, which would be without effect.
pub(crate) fn misunderstood(settings: &Settings) -> Vec<Violation> {
    let named = PARTS.get(settings);
    let known = || path::list(ON_REQUEST.iter().map(|part| part.name));
    let mut violations = Vec::new();
    for name in &named {
        if !ON_REQUEST.iter().any(|part| part.name == *name) && !baseline::PARTS.contains(name) {
            violations.push(Violation::of_setting(PARTS.name(), name, "no part of this policy", &format!("some of {}", known())));
        }
    }
    for part in ON_REQUEST.iter().filter(|part| !named.contains(&part.name)) {
        for setting in part.settings.iter().filter(|setting| !setting.is_default(settings)) {
            let message =
                format!("the setting `{}` is without effect, because the part `{}` is not switched on", setting.name(), part.name);
            let help = format!("add {} to `{}`, or leave the setting out; until then no cluster passes", part.name, PARTS.name());
            violations.push(Violation::new(SETTINGS, path::setting(setting.name()), message).help(help));
        }
    }
    violations
}
