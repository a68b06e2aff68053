//! What came of the cases, in the forms that were asked for, each where it was asked for.

use anstream::adapter::strip_str;

use super::found::Found;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::forms::{Form, Output};
use crate::render::policy::results;
use crate::render::policy::test::{self as shown, TestReport};
use crate::{input, record, term};

/// Whether tests have the forms that are asked for.
///
/// # Errors
/// The first that they do not have.
pub(super) fn possible(outputs: &[Output]) -> Result<(), Failure> {
    match outputs.iter().find(|output| !Form::OF_TESTS.contains(&output.form)) {
        None => Ok(()),
        Some(output) => {
            let names: Vec<String> = Form::OF_TESTS.iter().map(|form| format!("`{}`", form.name())).collect();
            Err(Failure::Usage(format!("tests have no form `{}`: they have {}", output.form.name(), names.join(", "))))
        }
    }
}

/// Whether no form would be written over what is tested.
///
/// # Errors
/// When one would.
pub(super) fn spare(outputs: &[Output], found: &Found) -> Result<(), Failure> {
    for file in outputs.iter().filter_map(|output| output.file.as_ref()) {
        let Ok(real) = file.canonicalize() else { continue };
        if found.files.iter().chain([&found.module.path]).any(|one| one.canonicalize().is_ok_and(|path| path == real)) {
            return Err(Failure::Usage(format!("--output would write over `{}`, which is to be tested", file.display())));
        }
    }
    Ok(())
}

/// Writes the files first, each whole or not at all. Gives how the command ends.
///
/// # Errors
/// When one cannot be written; what was asked for on standard output is there all the same.
pub(super) fn write(report: &TestReport<'_>, outputs: &[Output]) -> Result<Exit, Failure> {
    let exit = if report.passed() { Exit::Done } else { Exit::Error };
    let mut failure = None;
    let (to_files, to_stdout): (Vec<_>, Vec<_>) = outputs.iter().partition(|output| output.file.is_some());
    for output in to_files.into_iter().chain(to_stdout) {
        let text = form(output.form, report, exit)?;
        match &output.file {
            None => term::out(&text),
            Some(file) => {
                if let Err(error) = record::replace(file, strip_str(&text).to_string().as_bytes()) {
                    failure.get_or_insert(Failure::Unwritable { what: "the result", file: file.clone(), why: input::plain(&error) });
                }
            }
        }
    }
    failure.map_or(Ok(exit), Err)
}

fn form(form: Form, report: &TestReport<'_>, exit: Exit) -> Result<String, Failure> {
    match form {
        Form::Json => Ok(Document::PolicyTest.text(exit, &shown::json(report))),
        Form::Junit => results::of(report).junit().map_err(|unwritable| Failure::Faulty(vec![unwritable.to_string()])),
        Form::Tap => Ok(results::of(report).tap()),
        // Others have been refused.
        _ => Ok(shown::text(report)),
    }
}
