//! Module blocks, and their arguments one by one: each is carried over or named.

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::structure::Block;
use hcl_edit::template::Element;
use kaphost_spec::nearest;

use crate::arguments::{Absent, Argument, OF_TERRAFORM};
use crate::evaluate::{Evaluator, Open, quoted};
use crate::files::{File, Said};
use crate::finding::{Code, Finding, Place, Severity};
use crate::value::{Item, Value};

/// A module block.
pub(crate) struct Module<'a> {
    pub(crate) label: &'a str,
    /// The last part of its source: `kapacitor-server`.
    pub(crate) kind: &'a str,
    pub(crate) place: Place,
    pub(crate) file: &'a File,
    pub(crate) block: &'a Block,
}

impl<'a> Module<'a> {
    /// A module with a literal source, as Terraform insists on.
    pub(crate) fn of(file: &'a File, block: &'a Block) -> Option<Self> {
        let [label] = block.labels.as_slice() else { return None };
        let source = block.body.get_attribute("source")?.value.as_str()?;
        let path = source.split_once('?').map_or(source, |(path, _)| path).trim_end_matches('/');
        let kind = path.rsplit('/').next().unwrap_or(path);
        Some(Self { label: label.as_str(), kind, place: file.place(block.ident.span()), file, block })
    }

    fn get(&self, name: &str) -> Option<Said<'a>> {
        self.block.body.get_attribute(name).map(|attribute| Said { file: self.file, expression: &attribute.value })
    }

    /// The provider alias that `providers = { aws = aws.west }` names.
    pub(crate) fn alias(&self) -> Option<&'a str> {
        let providers = self.get("providers")?.expression.as_object()?;
        let is_aws = |key: &hcl_edit::expr::ObjectKey| match key {
            hcl_edit::expr::ObjectKey::Ident(name) => name.as_str() == "aws",
            hcl_edit::expr::ObjectKey::Expression(Expression::Variable(name)) => name.as_str() == "aws",
            hcl_edit::expr::ObjectKey::Expression(_) => false,
        };
        let (_, value) = providers.iter().find(|(key, _)| is_aws(key))?;
        path_of(value.expr().as_traversal()?).and_then(|(root, names)| (root == "aws").then_some(names)?.first().copied())
    }

    /// The module and the output that an argument refers to: `module.kapacitor_server.security_group_id`.
    pub(crate) fn output(&self, argument: &str) -> Option<(&'a str, &'a str)> {
        output_of(self.get(argument)?.expression)
    }
}

/// The module and the output that an expression is, and nothing but.
pub(crate) fn output_of(expression: &Expression) -> Option<(&str, &str)> {
    match expression {
        Expression::Parenthesis(inner) => output_of(inner.inner()),
        Expression::StringTemplate(template) => match template.as_single_element() {
            Some(Element::Interpolation(interpolation)) => output_of(&interpolation.expr),
            _ => None,
        },
        Expression::Traversal(traversal) => output_in(traversal),
        _ => None,
    }
}

/// The module and the output that a traversal begins with.
pub(crate) fn output_in(traversal: &Traversal) -> Option<(&str, &str)> {
    match path_of(traversal)? {
        ("module", names) => match names.as_slice() {
            [module, output, ..] => Some((module, output)),
            _ => None,
        },
        _ => None,
    }
}

/// The root of a traversal and the names that follow; indices are passed over.
fn path_of(traversal: &Traversal) -> Option<(&str, Vec<&str>)> {
    let Expression::Variable(root) = &traversal.expr else { return None };
    let names = traversal.operators.iter().filter_map(|operator| match operator.value() {
        TraversalOperator::GetAttr(name) => Some(name.as_str()),
        _ => None,
    });
    Some((root.as_str(), names.collect()))
}

/// What became of one argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The config says it at this path.
    Carried(&'static str),
    /// A finding names it.
    Named,
    /// It is for Terraform alone, because of this.
    NotNeeded(&'static str),
}

/// One argument of a module block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgumentReport {
    /// The label of the module block.
    pub module: String,
    /// Its name.
    pub name: String,
    /// Where its value stands.
    pub place: Place,
    /// What became of it.
    pub outcome: Outcome,
}

/// What is to be said of a conversion.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) findings: Vec<Finding>,
    pub(crate) arguments: Vec<ArgumentReport>,
}

/// A value that was given, where, and through which variables and locals.
#[derive(Clone, Debug)]
pub(crate) struct Given<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
    pub(crate) through: Vec<String>,
}

impl<T> Given<T> {
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Given<U> {
        Given { value: change(self.value), place: self.place, through: self.through }
    }

    /// What to say of where it comes from, if that is not the argument itself.
    pub(crate) fn origin(&self) -> Option<String> {
        (!self.through.is_empty()).then(|| format!("from {}", self.through.join(", ")))
    }
}

/// An argument as it was found.
#[derive(Clone, Debug)]
pub(crate) enum Taken<T> {
    /// Not given, or null where that says the same.
    No,
    Is(Given<T>),
    /// Named already. The comment to leave at its place in the config.
    Open(String),
}

/// The arguments of one module block.
pub(crate) struct Arguments<'t, 'a> {
    pub(crate) module: &'t Module<'a>,
    pub(crate) table: &'static [Argument],
    pub(crate) evaluator: &'t mut Evaluator<'a>,
    pub(crate) log: &'t mut Log,
}

impl Arguments<'_, '_> {
    /// Names whatever the module does not take, and what is Terraform's own. Gives the comments for the config.
    pub(crate) fn begin(&mut self) -> Vec<String> {
        let mut comments = Vec::new();
        for block in self.module.block.body.blocks() {
            let place = self.module.file.place(block.ident.span());
            comments.push(self.unknown(block.ident.as_str(), place));
        }
        for attribute in self.module.block.body.attributes() {
            let name = attribute.key.as_str();
            if self.table.iter().any(|argument| argument.name == name) {
                continue;
            }
            let place = self.module.file.place(attribute.value.span());
            if let Some((_, why)) = OF_TERRAFORM.iter().find(|(own, _)| *own == name) {
                self.report(name, place, Outcome::NotNeeded(why));
            } else if matches!(name, "count" | "for_each") {
                comments.extend(self.repeated(name, place));
            } else {
                comments.push(self.unknown(name, self.module.file.place(attribute.key.span())));
            }
        }
        comments
    }

    fn repeated(&mut self, name: &str, place: Place) -> Option<String> {
        let count = self.module.get(name).filter(|_| name == "count").and_then(|said| self.evaluator.value(said).ok());
        if count.is_some_and(|(item, _)| item.value.whole() == Some(1)) {
            self.report(name, place, Outcome::NotNeeded("one server is what a cluster is"));
            return None;
        }
        let message = format!("`{name}` makes as many servers as it says, and a `cluster` node is one server");
        let help = "write a `cluster` node under a name of its own for each, or remove it where there is to be none";
        Some(self.name(Code::NotConvertible, name, place, message, help))
    }

    fn unknown(&mut self, name: &str, place: Place) -> String {
        let known = self.table.iter().map(|argument| argument.name);
        let help = match nearest(name, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "say in the config what it was to do: configs/everything.kdl shows every node".to_owned(),
        };
        self.name(Code::UnknownArgument, name, place, format!("the module takes no argument `{name}`"), &help)
    }

    fn row(&self, name: &str) -> Option<&'static Argument> {
        self.table.iter().find(|argument| argument.name == name)
    }

    fn report(&mut self, name: &str, place: Place, outcome: Outcome) {
        let known = self.log.arguments.iter_mut().find(|report| report.module == self.module.label && report.name == name);
        match known {
            // Once named, always named.
            Some(report) => {
                if report.outcome != Outcome::Named {
                    report.outcome = outcome;
                }
            }
            None => self.log.arguments.push(ArgumentReport { module: self.module.label.to_owned(), name: name.to_owned(), place, outcome }),
        }
    }

    /// A finding about an argument: an error where the module cannot do without it. Gives the comment for the config.
    pub(crate) fn name(&mut self, code: Code, name: &str, place: Place, message: String, help: &str) -> String {
        let needed = self.row(name).is_some_and(|argument| matches!(argument.absent, Absent::Refuses | Absent::RefusesSilence));
        let severity = if needed { Severity::Error } else { Severity::Warning };
        self.find(severity, code, name, place, message, help)
    }

    /// A warning about an argument. Gives the comment for the config.
    pub(crate) fn warn(&mut self, code: Code, name: &str, place: Place, message: String, help: &str) -> String {
        self.find(Severity::Warning, code, name, place, message, help)
    }

    /// Names a part of an argument without which the config cannot be used. Gives the comment for the config.
    pub(crate) fn needed(&mut self, name: &str, place: Place, message: String, help: &str) -> String {
        self.find(Severity::Error, Code::MissingArgument, name, place, message, help)
    }

    fn find(&mut self, severity: Severity, code: Code, name: &str, place: Place, message: String, help: &str) -> String {
        let argument = Some(name.to_owned());
        let finding = Finding { code, severity, message, help: help.to_owned(), argument, place: Some(place.clone()) };
        let comment = finding.to_string();
        self.log.findings.push(finding);
        let whole = self.module.get(name).map_or(place, |said| said.place());
        self.report(name, whole, Outcome::Named);
        comment
    }

    /// An argument that a finding about another names too.
    pub(crate) fn named(&mut self, name: &str) {
        if let Some(said) = self.module.get(name) {
            self.report(name, said.place(), Outcome::Named);
        }
    }

    /// An argument that is carried over in another way than by its value.
    pub(crate) fn carried(&mut self, name: &str) {
        if let (Some(said), Some(row)) = (self.module.get(name), self.row(name)) {
            self.report(name, said.place(), Outcome::Carried(row.to));
        }
    }

    /// Where an argument stands, or its module where it is not given.
    pub(crate) fn place_of(&self, name: &str) -> Place {
        self.module.get(name).map_or_else(|| self.module.place.clone(), |said| said.place())
    }

    /// The value of an argument, if it is to be had, with nothing said of it.
    pub(crate) fn peek(&mut self, name: &str) -> Option<Item> {
        let said = self.module.get(name)?;
        self.evaluator.value(said).ok().map(|(item, _)| item)
    }

    /// Names an argument whose value, or a part of it, the files do not tell.
    pub(crate) fn open(&mut self, name: &str, open: &Open) -> String {
        let instead = self.row(name).map_or("write its value", |argument| argument.instead);
        let help = match &open.variable {
            Some(variable) => format!("{instead}; or name a .tfvars file too that sets `{variable}`"),
            None => instead.to_owned(),
        };
        self.name(Code::NotConvertible, name, open.place.clone(), format!("`{name}` {}", open.problem), &help)
    }

    /// Names an argument whose value is of no use.
    pub(crate) fn wrong(&mut self, name: &str, place: &Place, wanted: &str, found: &Value) -> String {
        if let Value::Unknown(open) = found {
            return self.open(name, open);
        }
        let instead = self.row(name).map_or("write its value", |argument| argument.instead);
        let message = format!("`{name}` wants {wanted}, which `{}` is not", quoted(place));
        self.name(Code::WrongType, name, place.clone(), message, instead)
    }

    /// The value of an argument. When there is none that can be used, it has been named.
    pub(crate) fn item(&mut self, name: &str) -> Taken<Value> {
        let Some(said) = self.module.get(name) else { return Taken::No };
        let place = said.place();
        match self.evaluator.value(said) {
            Err(open) => Taken::Open(self.open(name, &open)),
            Ok((Item { value: Value::Null, .. }, _)) => match self.row(name) {
                Some(Argument { absent: Absent::Default | Absent::Refuses, instead, .. }) => {
                    let message = format!("`{name}` is null, which leaves it to AWS or to Terraform's provider");
                    Taken::Open(self.name(Code::NotConvertible, name, place, message, instead))
                }
                _ => {
                    self.report(name, place, Outcome::NotNeeded("null says nothing"));
                    Taken::No
                }
            },
            Ok((item, through)) => {
                let to = self.row(name).map_or("", |argument| argument.to);
                self.report(name, place, Outcome::Carried(to));
                Taken::Is(Given { value: item.value, place: item.place, through })
            }
        }
    }

    /// The value of an argument as what the module wants it to be.
    pub(crate) fn typed<T>(&mut self, name: &str, wanted: &str, read: impl FnOnce(&Value) -> Option<T>) -> Taken<T> {
        match self.item(name) {
            Taken::No => Taken::No,
            Taken::Open(comment) => Taken::Open(comment),
            Taken::Is(given) => match read(&given.value) {
                Some(value) => Taken::Is(given.map(|_| value)),
                None => Taken::Open(self.wrong(name, &given.place, wanted, &given.value)),
            },
        }
    }

    pub(crate) fn text(&mut self, name: &str) -> Taken<String> {
        self.typed(name, "text", Value::text)
    }

    pub(crate) fn flag(&mut self, name: &str) -> Taken<bool> {
        self.typed(name, "true or false", Value::flag)
    }

    pub(crate) fn whole(&mut self, name: &str) -> Taken<u64> {
        self.typed(name, "a whole number", Value::whole)
    }

    /// The entries of a list. What an argument needs that is not given is named too.
    pub(crate) fn list(&mut self, name: &str) -> Taken<Vec<Item>> {
        self.typed(name, "a list", |value| match value {
            Value::List(items) => Some(items.clone()),
            _ => None,
        })
    }

    /// Names an argument that the module needs and that is not given.
    pub(crate) fn missing(&mut self, name: &str) -> String {
        let instead = self.row(name).map_or("write its value", |argument| argument.instead);
        let message = format!("the module needs `{name}`, and `{}` does not give it", self.module.label);
        let place = Some(self.module.place.clone());
        let argument = Some(name.to_owned());
        let finding =
            Finding { code: Code::MissingArgument, severity: Severity::Error, message, help: instead.to_owned(), argument, place };
        let comment = finding.to_string();
        self.log.findings.push(finding);
        comment
    }
}
