//! What the tests of conversions share.

use kaphost_convert::{Conversion, Finding, Request, convert};
use kaphost_spec::{ConfigSource, File, Lookup, parse};

/// Answers every `(file)` with a script.
struct Scripts;

impl Lookup for Scripts {
    fn env(&self, _: &str) -> Result<String, String> {
        Err("is not set".to_owned())
    }

    fn file(&self, path: &str) -> Result<String, String> {
        if path.starts_with("REPLACE") { Err("does not exist".to_owned()) } else { Ok(format!("#!/bin/sh\n# {path}\n")) }
    }
}

/// Converts one file, `main.tf`.
pub(crate) fn converted(text: &str) -> Result<Conversion, Vec<Finding>> {
    convert(Request::new(vec![ConfigSource::new("main.tf", text)]))
}

/// Reads a converted config as kaphost does.
pub(crate) fn read(conversion: &Conversion) -> File {
    parse(ConfigSource::new("cluster.kdl", &*conversion.kdl), &Scripts)
        .unwrap_or_else(|report| panic!("{report}: {:#?}\n{}", report.diagnostics(), conversion.kdl))
}

/// The findings, a line each.
pub(crate) fn told(findings: &[Finding]) -> String {
    let line = |finding: &Finding| format!("{} [{}] {finding}\n", finding.severity.as_str(), finding.code.as_str());
    findings.iter().map(line).collect()
}

/// The config and what is said of it.
pub(crate) fn shown(conversion: &Conversion) -> String {
    format!("{}── findings\n{}", conversion.kdl, told(&conversion.findings))
}
