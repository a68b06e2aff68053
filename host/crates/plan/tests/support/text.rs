//! Plans as plain text, for golden tests.

use std::fmt::Write as _;

use kaphost_plan::{ChangeKind, Plan, Planned, Refusal};

pub(crate) fn plan(plan: &Plan) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        let sign = match change.kind {
            ChangeKind::Create => '+',
            ChangeKind::Update => '~',
            ChangeKind::Delete => '-',
        };
        writeln!(text, "{sign} {} {}", change.resource, change.name).unwrap();
        for leaf in &change.leaves {
            let side = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let path = leaf.path.as_ref().map(|path| format!("   [{path}]")).unwrap_or_default();
            writeln!(text, "    {}: {} -> {}{path}", leaf.leaf, side(&leaf.old), side(&leaf.new)).unwrap();
        }
        if let Some(note) = &change.note {
            writeln!(text, "    note: {note}").unwrap();
        }
    }
    writeln!(text, "steps: {} ({} writes, depth {})", plan.steps.len(), plan.writes(), plan.depth()).unwrap();
    for step in &plan.steps {
        let after: Vec<String> = step.after.iter().map(|id| id.0.to_string()).collect();
        writeln!(text, "{:>3} {} | {} | after {}", step.id.0, step.action.operation(), step.subject, after.join(" ")).unwrap();
        for line in details(&step.action) {
            writeln!(text, "      {line}").unwrap();
        }
    }
    for kept in &plan.kept {
        writeln!(text, "kept: {kept}").unwrap();
    }
    text
}

/// What the changes do not show.
fn details(action: &Planned) -> Vec<String> {
    match action {
        Planned::AuthorizeRules { group, rules, tags, .. } => {
            let rules = rules.iter().map(|rule| format!("{} {:?}", rule.key, rule.description));
            rules.chain([format!("onto {group:?}, tagged {tags:?}")]).collect()
        }
        Planned::ModifyRules { rules, .. } => rules.iter().map(|(id, rule)| format!("{id}: {} {:?}", rule.key, rule.description)).collect(),
        Planned::RevokeRules { ids, .. } => vec![format!("{ids:?}")],
        Planned::TagEc2 { .. } | Planned::UntagEc2 { .. } | Planned::TagGroup { .. } | Planned::UntagGroup { .. } => {
            vec![format!("{action:?}")]
        }
        Planned::CreateLaunchTemplate { description, content, .. } | Planned::CreateLaunchTemplateVersion { description, content, .. } => {
            vec![format!("{description:?}, groups {:?}", content.security_groups)]
        }
        Planned::CreateAutoScalingGroup { settings, .. } | Planned::UpdateAutoScalingGroup { settings, .. } => {
            vec![format!("version {:?}", settings.template_version)]
        }
        Planned::StartInstanceRefresh { version, preferences, .. } => vec![format!("version {version:?}, {preferences:?}")],
        Planned::DeleteTemplateVersions { versions, .. } => vec![format!("{versions:?}")],
        Planned::WaitForCapacity { timeout_s, .. }
        | Planned::WaitForGroupGone { timeout_s, .. }
        | Planned::WaitForRefresh { timeout_s, .. }
        | Planned::WaitForRefreshGone { timeout_s, .. } => vec![format!("{timeout_s} s at most")],
        _ => Vec::new(),
    }
}

pub(crate) fn refusals(refusals: &[Refusal]) -> String {
    let line = |refusal: &Refusal| {
        let path = refusal.path.as_deref().unwrap_or("-");
        format!("{:?} [{path}]\n  {}\n  help: {}\n", refusal.code, refusal.message, refusal.help)
    };
    refusals.iter().map(line).collect()
}
