//! GitHub's workflow commands: `::error file=cluster.kdl,line=3,col=5,endColumn=9,title=…::message`. The escapes are those of GitHub's own
//! toolkit (`actions/toolkit`, `packages/core/src/command.ts`).

use crate::{Finding, Level, Run};

/// One command a finding. A run without findings says nothing.
pub(crate) fn github(run: &Run) -> String {
    run.located().map(|(checked, finding)| command(finding, checked.map(|checked| checked.file.as_str()))).collect()
}

fn command(finding: &Finding, file: Option<&str>) -> String {
    let name = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    };
    let place = finding.place.as_ref();
    let file = place.map(|place| place.file.as_str()).or(file);
    let mut properties: Vec<String> = file.map(|file| format!("file={}", property(file))).into_iter().collect();
    if let Some(region) = place.and_then(|place| place.region) {
        properties.push(format!("line={}", region.line));
        if region.end_line == region.line {
            // Columns are taken for single lines only.
            properties.push(format!("col={}", region.column));
            properties.push(format!("endColumn={}", region.end_column));
        } else {
            properties.push(format!("endLine={}", region.end_line));
        }
    }
    properties.push(format!("title={}", property(&finding.rule)));
    format!("::{name} {}::{}\n", properties.join(","), data(&finding.full_text()))
}

fn data(text: &str) -> String {
    // The log that the command is printed to is read on terminals, too.
    let letter = |c: char| match c {
        '%' => "%25".to_owned(),
        '\r' => "%0D".to_owned(),
        '\n' => "%0A".to_owned(),
        c if c.is_control() => c.escape_unicode().to_string(),
        c => c.to_string(),
    };
    text.chars().map(letter).collect()
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
