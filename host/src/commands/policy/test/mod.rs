//! `kaphost policy test`

mod found;
mod writing;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use kaphost_policy::{Facts, HostOptions, Module, PolicyHost};
use kaphost_policy_kit::{Case, Coverage, From, Subject, Suite, explore, play};
use kaphost_spec::{ConfigSource, Diagnostic, Report};

use self::found::Found;
use super::module::Named;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::forms::{Form, Forms, OUTPUT, Output};
use crate::input::{self, Input};
use crate::render::policy::test::{CaseReport, Outcome, SuiteReport, TestReport};
use crate::{facts, place, record, term};

/// Ask a policy about every case of its files, and say what the cases leave out
///
/// A file of cases is KDL: configs, settings and facts, and what must come of them: changes, violations by rule and line, failures. Beside them
/// configs are made up at the edges of every value: none may make the policy fail, and from what they change in its answer it is known which fields it
/// looks at, and which rules no case makes speak. Exit code 1 when a case does not come out.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost policy test\n  kaphost policy test --update\n  kaphost policy test policies/small-root-volumes --whole\n  \
                        kaphost policy test org.wasm --cases org/cases --output text --output junit=cases.xml"
)]
pub(crate) struct Command {
    /// The policy's folder, with its component in it; or the component, as a file or as oci://HOST/NAME:TAG
    #[arg(value_name = "FOLDER|MODULE", default_value = ".")]
    policy: Named,
    /// The form of the result; FORM=FILE writes it to a file. May be given several times, once for standard output
    #[arg(id = OUTPUT, long, value_name = "FORM[=FILE]", value_parser = Forms(Form::OF_TESTS), default_value = "text", env = "KAPHOST_OUTPUT")]
    outputs: Vec<Output>,
    /// Files of cases, or folders of them; the folder `cases` beside the component by default, of one in a registry the one here
    #[arg(long, value_name = "PATH")]
    cases: Vec<PathBuf>,
    /// Write down what came of each case as what must come of it: read the difference before you keep it
    #[arg(long)]
    update: bool,
    /// How many configs are made up; 0 for none
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    generated: usize,
    /// End with 1 when a rule has not spoken in any case, or has in every one
    #[arg(long)]
    whole: bool,
}

/// What a case that was asked leaves behind.
type Asked = (Subject, BTreeSet<String>);

pub(super) fn run(command: &Command) -> Result<Exit, Failure> {
    writing::possible(&command.outputs)?;
    let found = Found::of(&command.policy, &command.cases)?;
    writing::spare(&command.outputs, &found)?;
    if let Some(warning) = &found.warning {
        term::err(warning);
    }
    // Thousands of calls: sandboxes are kept for the next one.
    let cache_dir = place::cache().map(|folder| folder.join("modules"));
    let host = PolicyHost::new(HostOptions { cache_dir, pooled: true, ..HostOptions::default() })?;
    let module = host.load_one(&found.module)?;
    let suites = suites(&found.files)?;

    let mut asked: Vec<Asked> = Vec::new();
    let mut reports = Vec::with_capacity(suites.len());
    for (file, suite) in &suites {
        reports.push(one(file, suite, &module, command.update, &mut asked)?);
    }
    let subjects: Vec<Subject> = asked.iter().map(|(subject, _)| subject.clone()).collect();
    let exploration = explore(&module, &subjects, command.generated);
    let coverage = Coverage::of(&module, &asked, &exploration);
    let report = TestReport { module: &module, suites: &reports, coverage: &coverage, exploration: &exploration, whole: command.whole };
    writing::write(&report, &command.outputs)
}

/// Every file of cases.
///
/// # Errors
/// Every mistake of every file.
fn suites(files: &[PathBuf]) -> Result<Vec<(PathBuf, Suite)>, Failure> {
    let mut all = Vec::new();
    let mut wrong: Option<Report> = None;
    for file in files {
        let text = input::text_of(file).map_err(|why| Failure::Unreadable { what: "the file of cases", file: file.clone(), why })?;
        match Suite::parse(ConfigSource::new(file.display().to_string(), text)) {
            Ok(suite) => all.push((file.clone(), suite)),
            Err(report) => wrong = Some(wrong.map_or(report.clone(), |before| before.and(report))),
        }
    }
    wrong.map_or(Ok(all), |report| Err(Failure::Config(report)))
}

/// The cases of one file, in order.
fn one(file: &Path, suite: &Suite, module: &Module, update: bool, asked: &mut Vec<Asked>) -> Result<SuiteReport, Failure> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut cases = Vec::with_capacity(suite.cases().len());
    let mut actual = Vec::with_capacity(suite.cases().len());
    for case in suite.cases() {
        let line = suite.source().position(case.span.start).line;
        let (outcome, came) = match prepare(case, suite, folder, module) {
            Err(problem) => (Outcome::Broken(problem.text()), None),
            Ok((input, facts, settings)) => {
                let played = play(case, module, settings, &input.spec, &facts);
                let differs = !played.passed();
                if played.failure.is_none() {
                    let subject = Subject {
                        cluster: kaphost_spec::Cluster::clone(&input.spec.cluster),
                        facts,
                        settings: case.settings.clone(),
                        user_data: case.user_data,
                    };
                    asked.push((subject, played.fired.clone()));
                }
                let came = (differs && update).then(|| played.actual.clone());
                let outcome = match (differs, update) {
                    (false, _) => Outcome::Passed,
                    (true, true) => Outcome::Updated(played.diff),
                    (true, false) => {
                        Outcome::Differs { diff: played.diff, failure: played.failure.map(|error| Failure::from(error).text()) }
                    }
                };
                (outcome, came)
            }
        };
        cases.push(CaseReport { name: case.name.clone(), line, outcome });
        actual.push(came);
    }
    if actual.iter().any(Option::is_some) {
        let text = suite.updated(&actual.iter().map(Option::as_deref).collect::<Vec<_>>());
        let unwritable = |error| Failure::Unwritable { what: "the file of cases", file: file.to_owned(), why: input::plain(&error) };
        record::replace(file, text.as_bytes()).map_err(unwritable)?;
    }
    Ok(SuiteReport { file: file.display().to_string(), cases })
}

/// What a case is about, read.
fn prepare(case: &Case, suite: &Suite, folder: &Path, module: &Module) -> Result<(Input, Facts, kaphost_policy::Settings), Failure> {
    let mistakes = |all: Vec<Diagnostic>| Failure::Untrusted { mistakes: all, problems: Vec::new() };
    case.check_rules(suite, module).map_err(mistakes)?;
    let settings = case.settings(suite, module).map_err(mistakes)?;
    let (name, text, within) = match &case.config {
        From::Here(text) => (format!("{}, `{}`", suite.source().name, case.name), text.clone(), folder.to_owned()),
        From::File(path) => {
            let file = folder.join(path);
            let text = input::text_of(&file).map_err(|why| {
                mistakes(vec![case.about_config(
                    suite,
                    format!("the config `{}` {why}", file.display()),
                    "a path starts at the folder of the cases",
                )])
            })?;
            (file.display().to_string(), text, file.parent().unwrap_or(folder).to_owned())
        }
    };
    let text = case.text(suite, &text).map_err(mistakes)?;
    let file = PathBuf::from(&name);
    let input = input::only(input::parse(ConfigSource::new(name, text), &within, &[])?, &file, "policy test")?;
    let cluster = input.spec.cluster.name.as_str();
    let facts = match &case.facts {
        None => Facts::default(),
        Some(From::Here(text)) => facts::parse(suite.source().name.clone(), text.clone(), cluster)?,
        Some(From::File(path)) => {
            let file = folder.join(path);
            let text = input::text_of(&file).map_err(|why| {
                mistakes(vec![case.about_facts(
                    suite,
                    format!("the facts `{}` {why}", file.display()),
                    "a path starts at the folder of the cases",
                )])
            })?;
            facts::parse(file.display().to_string(), text, cluster)?
        }
    };
    Ok((input, facts.only(&module.description().needs.iter().copied().collect()), settings))
}
