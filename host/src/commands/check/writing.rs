//! The result of a check in the forms that were asked for, each where it was asked for.

use anstream::adapter::strip_str;
use kaphost_findings::{Format, Members, Run, Unwritable};
use serde_json::{Map, Value};

use super::targets::Targets;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::forms::{Form, Output};
use crate::record;
use crate::render::finding;
use crate::term;

/// Whether no form would be written over a config.
///
/// # Errors
/// When one would.
pub(super) fn spare(outputs: &[Output], targets: &Targets) -> Result<(), Failure> {
    for file in outputs.iter().filter_map(|output| output.file.as_ref()) {
        let Ok(real) = file.canonicalize() else { continue };
        if targets.all.iter().any(|target| target.path().canonicalize().is_ok_and(|path| path == real)) {
            return Err(Failure::Usage(format!("--output would write over `{}`, which is to be checked", file.display())));
        }
    }
    Ok(())
}

/// Writes the files first, each whole or not at all, so that what is on standard output says how that went, too. `text` is the form for people; `one`
/// says whether the JSON document is the flat one, which then has what is `common`, too. Gives how the command ends.
pub(super) fn write(mut run: Run, outputs: &[Output], text: &str, one: bool, mut exit: Exit, common: Map<String, Value>) -> Exit {
    if one {
        also(&mut run, common);
    }
    for output in outputs {
        let Some(file) = &output.file else { continue };
        let plain = strip_str(text).to_string();
        let why = match form(output.form, &run, &plain, one, exit) {
            Ok(text) => record::replace(file, text.as_bytes()).err().map(|error| error.to_string()),
            Err(unwritable) => Some(unwritable.to_string()),
        };
        if let Some(why) = why {
            fail(&mut run, &mut exit, one, &Failure::Unwritable { what: "the result", file: file.clone(), why });
        }
    }
    for output in outputs.iter().filter(|output| output.file.is_none()) {
        match form(output.form, &run, text, one, exit) {
            Ok(text) => term::out(&text),
            Err(unwritable) => fail(&mut run, &mut exit, one, &Failure::Faulty(vec![unwritable.to_string()])),
        }
    }
    exit
}

/// Adds members to those of the first: lists grow.
fn also(run: &mut Run, members: Map<String, Value>) {
    let Some(checked) = run.checked.first_mut() else { return };
    for (name, value) in members {
        match (checked.more.get_mut(&name), value) {
            (Some(Value::Array(list)), Value::Array(mut more)) => list.append(&mut more),
            (_, value) => drop(checked.more.insert(name, value)),
        }
    }
}

fn fail(run: &mut Run, exit: &mut Exit, one: bool, failure: &Failure) {
    term::err(&failure.text());
    run.common.extend(finding::of_failure(failure));
    if one {
        also(run, super::into_members(failure.members()));
    }
    *exit = exit.worst(failure.exit());
    run.exit = exit.code();
}

fn form(form: Form, run: &Run, text: &str, one: bool, exit: Exit) -> Result<String, Unwritable> {
    match form {
        Form::Text => Ok(text.to_owned()),
        Form::Json => Ok(match run.checked.first().filter(|_| one) {
            Some(checked) => Document::Check.text(exit, &Members::of_one(run, checked)),
            None => Document::Check.text(exit, &Members::of_several(run)),
        }),
        Form::Ndjson => Format::Ndjson.write(run),
        Form::Sarif => Format::Sarif.write(run),
        Form::Junit => Format::Junit.write(run),
        Form::Github => Format::Github.write(run),
        Form::Tap => Format::Tap.write(run),
    }
}
