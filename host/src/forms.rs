//! `--output`: the forms of a result, and where each goes.

use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ValueEnum};

use crate::failure::Failure;

/// The argument's one name: a command that has more forms than the others declares it again under this.
pub(crate) const OUTPUT: &str = "output";

/// The two forms that every command has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
}

/// A form of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// A JSON object a line
    Ndjson,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit's XML, for test reports
    Junit,
    /// GitHub's workflow commands, which annotate the lines of a pull request
    Github,
    /// The Test Anything Protocol, version 14
    Tap,
}

impl Form {
    /// Those of every command.
    pub(crate) const OF_ALL: &[Self] = &[Self::Text, Self::Json];
    /// Those of tests.
    pub(crate) const OF_TESTS: &[Self] = &[Self::Text, Self::Json, Self::Junit, Self::Tap];
    /// Those of a check.
    pub(crate) const OF_CHECK: &[Self] = &[Self::Text, Self::Json, Self::Ndjson, Self::Sarif, Self::Junit, Self::Github, Self::Tap];

    /// As `--output` has it.
    #[must_use]
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// A form of the result, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// The form.
    pub(crate) form: Form,
    /// The file to write; standard output when there is none.
    pub(crate) file: Option<PathBuf>,
}

impl FromStr for Output {
    type Err = ();

    /// `FORM` or `FORM=FILE`, where the file `-` is standard output.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (form, file) = match text.split_once('=') {
            Some((_, "")) => return Err(()),
            Some((form, file)) => (form, Some(file)),
            None => (text, None),
        };
        let form = Form::from_str(form, false).map_err(|_| ())?;
        Ok(Self { form, file: file.filter(|file| *file != "-").map(PathBuf::from) })
    }
}

/// Reads [`Output`]s. All forms are read, and these are named in the help: where an argument stands before the command, it is not known yet which
/// forms the command has.
#[derive(Clone, Debug)]
pub(crate) struct Forms(pub(crate) &'static [Form]);

impl TypedValueParser for Forms {
    type Value = Output;

    fn parse_ref(&self, command: &clap::Command, arg: Option<&Arg>, value: &std::ffi::OsStr) -> Result<Output, clap::Error> {
        if let Some(output) = value.to_str().and_then(|text| text.parse().ok()) {
            return Ok(output);
        }
        let mut error = clap::Error::new(ErrorKind::InvalidValue).with_cmd(command);
        let arg = arg.map_or_else(|| "--output".to_owned(), Arg::to_string);
        error.insert(ContextKind::InvalidArg, ContextValue::String(arg));
        error.insert(ContextKind::InvalidValue, ContextValue::String(value.to_string_lossy().into_owned()));
        error.insert(ContextKind::ValidValue, ContextValue::Strings(self.0.iter().map(|form| form.name()).collect()));
        Err(error)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().filter_map(|form| form.to_possible_value())))
    }
}

/// The one form of a command that has two, and writes to standard output alone.
///
/// # Errors
/// When another is asked for, or a file, or several.
pub(crate) fn only(outputs: &[Output]) -> Result<Format, Failure> {
    match outputs {
        [Output { form: Form::Text, file: None }] => Ok(Format::Text),
        [Output { form: Form::Json, file: None }] => Ok(Format::Json),
        [Output { form, file: None }] => {
            Err(Failure::Usage(format!("this command has no form `{}`: it has `text` and `json`", form.name())))
        }
        [Output { file: Some(_), .. }] => {
            Err(Failure::Usage("this command writes its result to standard output alone: `--output text` or `--output json`".into()))
        }
        _ => Err(Failure::Usage("this command has one form of output at a time, and --output is given several times".into())),
    }
}

/// What is on standard output of a command that may write several forms: how its failures are told, too.
///
/// # Errors
/// When two forms go to standard output, or to one file.
pub(crate) fn on_stdout(outputs: &[Output]) -> Result<Format, Failure> {
    for (index, output) in outputs.iter().enumerate() {
        if outputs.iter().take(index).any(|earlier| earlier.file == output.file) {
            let place = output.file.as_ref().map_or_else(|| "standard output".to_owned(), |file| format!("`{}`", file.display()));
            return Err(Failure::Usage(format!("two forms of output go to {place}: give all but one a file, as in `--output sarif=FILE`")));
        }
    }
    Ok(wanted(outputs))
}

/// The form of a failure that says that nothing else can be made of `--output`.
#[must_use]
pub(crate) fn wanted(outputs: &[Output]) -> Format {
    if outputs.iter().any(|output| output.form == Form::Json && output.file.is_none()) { Format::Json } else { Format::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_may_name_a_file() {
        let read = |text: &str| text.parse::<Output>().ok().map(|output| (output.form, output.file));
        assert_eq!(read("json"), Some((Form::Json, None)));
        assert_eq!(read("sarif=out/a=b.sarif"), Some((Form::Sarif, Some("out/a=b.sarif".into()))));
        assert_eq!(read("tap=-"), Some((Form::Tap, None)));
        for wrong in ["", "=", "yaml", "json=", "JSON", "=file"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn one_form_goes_to_one_place() {
        let outputs = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Output>>();
        assert_eq!(only(&outputs(&["json"])).unwrap(), Format::Json);
        for wrong in [&["sarif"][..], &["json=x"], &["json", "text"]] {
            assert!(matches!(only(&outputs(wrong)), Err(Failure::Usage(_))), "{wrong:?}");
        }
        assert_eq!(on_stdout(&outputs(&["text", "json=x"])).unwrap(), Format::Text);
        assert_eq!(on_stdout(&outputs(&["text=x", "json=-"])).unwrap(), Format::Json);
        assert_eq!(on_stdout(&outputs(&["sarif=x"])).unwrap(), Format::Text);
        for wrong in [&["sarif", "text"][..], &["sarif=x", "tap=x"], &["json", "json"]] {
            assert!(matches!(on_stdout(&outputs(wrong)), Err(Failure::Usage(_))), "{wrong:?}");
        }
    }
}
