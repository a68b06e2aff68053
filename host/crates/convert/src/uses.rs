//! What else in the files uses an output of a converted module: load balancers, alarms, policies on the role. None of it is kaphost's, and all
//! of it needs another source for that value.

use std::collections::BTreeSet;

use hcl_edit::Span as _;
use hcl_edit::expr::Traversal;
use hcl_edit::visit::{Visit, visit_traversal};

use crate::arguments::OUTPUTS;
use crate::files::File;
use crate::finding::{Code, Finding, Severity};
use crate::module::output_in;

/// Finds every use of an output of these modules, except within the blocks that start at these bytes of a file.
pub(crate) fn of_outputs(files: &[File], modules: &[&str], converted: &BTreeSet<(String, usize)>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        for structure in file.body.iter() {
            let start = structure.span().map_or(0, |span| span.start);
            if converted.contains(&(file.source.name.clone(), start)) {
                continue;
            }
            let mut visitor = Uses { file, modules, findings: &mut findings };
            visitor.visit_structure(structure);
        }
    }
    findings
}

struct Uses<'a> {
    file: &'a File,
    modules: &'a [&'a str],
    findings: &'a mut Vec<Finding>,
}

impl Visit for Uses<'_> {
    fn visit_traversal(&mut self, traversal: &Traversal) {
        if let Some((module, output)) = output_in(traversal)
            && self.modules.contains(&module)
        {
            let help = match OUTPUTS.iter().find(|(name, _)| *name == output) {
                Some((_, ours)) => format!("once the cluster is applied, `kaphost output CLUSTER.kdl {ours}` gives it"),
                None => "the module gives no such output".to_owned(),
            };
            self.findings.push(Finding {
                code: Code::OutputUsed,
                severity: Severity::Advice,
                message: format!("`module.{module}.{output}` is used here"),
                help,
                argument: None,
                place: Some(self.file.place(traversal.span())),
            });
        }
        visit_traversal(self, traversal);
    }
}
