//! A policy on the role of a server: it is no administrator, its own documents name the actions that they allow, it passes on no role but by name, and, where
//! the settings ask for one, a permissions boundary holds it in.
//!
//! It only refuses. What AWS's managed policies hold is not to be seen from here: they are judged by their names. Documents are read with a general
//! JSON library, at the cost of a larger component: what a security policy reads it had better read as AWS does.

mod document;
mod pattern;

use document::{Broken, Document};
use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{Cluster, Description, Facts, Policy, Rule, Settings, Severity, Validate, Violation, path};

/// The role is no administrator.
pub const NO_ADMINISTRATOR: &str = "no-administrator";
/// Documents name the actions that they allow.
pub const NO_WILDCARD_ACTION: &str = "no-wildcard-action";
/// Roles are passed on by name.
pub const NO_WILDCARD_PASS_ROLE: &str = "no-wildcard-pass-role";
/// Managed policies are among the allowed ones.
pub const MANAGED_POLICY: &str = "managed-policy-not-allowed";
/// A permissions boundary holds the role in.
pub const BOUNDARY: &str = "permissions-boundary";
/// Documents can be understood.
pub const READABLE: &str = "policy-document-readable";

const REFUSED: setting::Texts = setting::Texts::new(
    "refused-managed-policies",
    &["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"],
    "Managed policies, by name or ARN, that no role may have.",
);
const ALLOWED: setting::Texts = setting::Texts::new(
    "allowed-managed-policies",
    &[],
    "Managed policies, by name or ARN, that a role may have; none means any that is not refused.",
);
const WILDCARDS: setting::Texts =
    setting::Texts::new("allowed-wildcard-actions", &[], "Actions with wildcards, such as logs:*, that documents may allow all the same.");
const BOUNDARIES: setting::Texts =
    setting::Texts::new("boundaries", &[], "ARNs of permissions boundaries, one of which the role has to have; none requires none.");

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&REFUSED, &ALLOWED, &WILDCARDS, &BOUNDARIES];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct IamLeastPrivilege;

impl Policy for IamLeastPrivilege {
    fn describe() -> Description {
        const CONTROLS: &str = "https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html";
        const GUIDE: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide";
        let guide = |page: &str| [GUIDE, page].concat();
        Description::new("iam-least-privilege", env!("CARGO_PKG_VERSION"), "The server's role may do what it needs and no more.")
            .rule(Rule::new(NO_ADMINISTRATOR, Severity::Critical, "The role is no administrator.").url([CONTROLS, "#iam-1"].concat()))
            .rule(
                Rule::new(NO_WILDCARD_ACTION, Severity::High, "The role's own documents name the actions that they allow.")
                    .url([CONTROLS, "#iam-21"].concat()),
            )
            .rule(
                Rule::new(NO_WILDCARD_PASS_ROLE, Severity::High, "The role passes on other roles by name only.")
                    .url(guide("/id_roles_use_passrole.html")),
            )
            .rule(
                Rule::new(MANAGED_POLICY, Severity::Medium, "The role has allowed managed policies only.")
                    .url(guide("/access_policies_managed-vs-inline.html")),
            )
            .rule(
                Rule::new(BOUNDARY, Severity::Medium, "One of the named permissions boundaries holds the role in.")
                    .url(guide("/access_policies_boundaries.html")),
            )
            .rule(Rule::new(READABLE, Severity::High, "The role's own documents can be understood, so that they can be judged."))
            .settings(DECLARED)
    }
}

/// Whether a list names a managed policy: by its whole ARN, or by the name that the ARN ends with.
fn names(list: &[&str], arn: &str) -> bool {
    let name = arn.rsplit('/').next().unwrap_or(arn);
    list.iter().any(|&one| one == arn || one.eq_ignore_ascii_case(name))
}

/// What is wrong with a managed policy, if anything.
fn managed(arn: &str, refused: &[&str], allowed: &[&str]) -> Option<Violation> {
    let at = path::managed_policy(arn);
    if names(refused, arn) {
        let message = format!("the managed policy {arn} lets the server do far more than it needs");
        return Some(Violation::new(NO_ADMINISTRATOR, at, message).help("attach a policy that allows what the server does, and no more"));
    }
    if !allowed.is_empty() && !names(allowed, arn) {
        let help = format!("choose among: {}", path::list(allowed));
        return Some(Violation::new(MANAGED_POLICY, at, format!("the managed policy {arn} is not allowed")).help(help));
    }
    None
}

/// What is wrong with a document of the role's own.
fn inline(name: &str, text: &str, wildcards: &[&str]) -> Vec<Violation> {
    let at = path::inline_policy(name);
    let document = match Document::read(text) {
        Ok(document) => document,
        Err(problem) => {
            let message = format!("the document cannot be judged: {problem}");
            return vec![
                Violation::new(READABLE, at, message).help("write it as IAM's grammar says; see the elements of a policy document"),
            ];
        }
    };
    let told = |broken: Broken| match broken {
        Broken::Administrator => Violation::new(NO_ADMINISTRATOR, &at, "the document allows every action on everything")
            .help("name the actions and the resources that the server needs"),
        Broken::WildcardAction(action) => {
            Violation::new(NO_WILDCARD_ACTION, &at, format!("the document allows {}, which is more than one action", path::quoted(&action)))
                .help("name each action that the server needs")
        }
        Broken::AllBut => Violation::new(NO_WILDCARD_ACTION, &at, "the document allows every action but those that it names (NotAction)")
            .help("name the actions that the server needs with Action"),
        Broken::PassRole(resource) => Violation::new(
            NO_WILDCARD_PASS_ROLE,
            &at,
            format!("the document lets the server pass on any role that matches {}", path::quoted(&resource)),
        )
        .help("name the ARN of each role that the server passes on"),
    };
    document.broken(wildcards).into_iter().map(told).collect()
}

/// What is wrong with the boundary, if anything.
fn boundary(given: Option<&str>, wanted: &[&str]) -> Option<Violation> {
    let message = match given {
        _ if wanted.is_empty() => return None,
        Some(given) if wanted.contains(&given) => return None,
        Some(given) => format!("the permissions boundary {given} is not among those that may hold the role in"),
        None => "no permissions boundary holds the role in".to_owned(),
    };
    Some(Violation::new(BOUNDARY, path::BOUNDARY, message).help(format!("write `iam boundary=…` with one of: {}", path::list(wanted))))
}

impl Validate for IamLeastPrivilege {
    fn validate(cluster: &Cluster, _: &Facts, settings: &Settings) -> Vec<Violation> {
        let (refused, allowed, wildcards) = (REFUSED.get(settings), ALLOWED.get(settings), WILDCARDS.get(settings));
        let iam = &cluster.iam;
        let mut violations: Vec<Violation> = iam.managed_policies.iter().filter_map(|arn| managed(arn, &refused, &allowed)).collect();
        for policy in &iam.inline_policies {
            violations.extend(inline(&policy.name, &policy.document, &wildcards));
        }
        violations.extend(boundary(iam.boundary.as_deref(), &BOUNDARIES.get(settings)));
        violations
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(IamLeastPrivilege: validator);
