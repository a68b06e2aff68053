//! `kaphost schema`

use clap::Args;
use kaphost_spec::nearest;
use serde_json::json;

use crate::cli::{Format, Global};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::schemas::{ALL, Schema};
use crate::term::{self, STRONG, paint};

/// Print the JSON Schema of a document that kaphost writes, or list them
///
/// Every document names its layout and version as `schema`, such as kaphost.plan/1. A reader that does not know what is added to a document reads it all
/// the same: the number grows when it would misread it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  kaphost schema\n  kaphost schema check > kaphost.check.schema.json")]
pub(crate) struct Command {
    /// The document; all are listed otherwise
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let no_json = |error: serde_json::Error| Failure::Faulty(vec![format!("a schema is no JSON: {error}")]);
    let text = match &command.name {
        Some(name) => format!("{:#}\n", find(name)?.whole().map_err(no_json)?),
        None => {
            let about = ALL.iter().map(|schema| Ok((schema.name, schema.about()?))).collect::<serde_json::Result<Vec<_>>>();
            list(global, &about.map_err(no_json)?)
        }
    };
    term::out(&text);
    Ok(Exit::Done)
}

fn find(name: &str) -> Result<Schema, Failure> {
    // By what stands in the document, too.
    let known = ALL.iter().find(|schema| schema.name == name || schema.about().is_ok_and(|(title, _)| title == name));
    known.copied().ok_or_else(|| {
        let names = ALL.iter().map(|schema| schema.name);
        let help = nearest(name, names.clone())
            .map_or_else(|| format!("there are {}", names.collect::<Vec<_>>().join(", ")), |near| format!("did you mean `{near}`?"));
        Failure::Usage(format!("there is no document `{name}`: {help}"))
    })
}

fn list(global: &Global, about: &[(&str, (String, String))]) -> String {
    match global.output {
        Format::Json => {
            let one = |(name, (schema, description)): &(&str, (String, String))| json!({ "name": name, "schema": schema, "description": description });
            Document::Schema.text(Exit::Done, &json!({ "schemas": about.iter().map(one).collect::<Vec<_>>() }))
        }
        Format::Text => {
            let mut out = String::new();
            for (name, (schema, description)) in about {
                out.push_str(&format!("{}  {schema}\n", paint(STRONG, name)));
                for line in textwrap::wrap(description, term::width().saturating_sub(4)) {
                    out.push_str(&format!("    {line}\n"));
                }
            }
            out
        }
    }
}
