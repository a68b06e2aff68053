//! The Terraform files as parsed, and what they declare: variables, locals, providers and modules.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, Body};
use kaphost_spec::{ConfigSource, Span};

use crate::covered::covered;
use crate::finding::{Code, Finding, Place, Severity};

/// A file and what is in it.
pub(crate) struct File {
    pub(crate) source: Arc<ConfigSource>,
    pub(crate) body: Body,
}

/// An expression and the file that it stands in.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    pub(crate) file: &'a File,
    pub(crate) expression: &'a Expression,
}

impl Said<'_> {
    pub(crate) fn place(&self) -> Place {
        self.file.place(self.expression.span())
    }
}

impl File {
    /// Reads one file.
    ///
    /// # Errors
    /// Where the text stops being HCL.
    pub(crate) fn parse(source: ConfigSource) -> Result<Self, Finding> {
        let shown = covered(&source.text);
        let source = Arc::new(source.shown_as(shown));
        match hcl_edit::parser::parse_body(&source.text) {
            Ok(body) => Ok(Self { source, body }),
            Err(error) => {
                let at = error.location().offset().min(source.text.len());
                let start = source.text.floor_char_boundary(at);
                let reason: Vec<&str> = error.message().split_whitespace().collect();
                Err(Finding {
                    code: Code::Syntax,
                    severity: Severity::Error,
                    message: format!("`{}` is not HCL: {}", source.name, reason.join(" ").trim_end_matches(';')),
                    help: "name files that `terraform validate` takes; JSON syntax (.tf.json) is not read".to_owned(),
                    argument: None,
                    place: Some(Place { source, span: start..start }),
                })
            }
        }
    }

    /// A place in this file. What the parser gives no span for is the whole file's.
    pub(crate) fn place(&self, span: Option<Span>) -> Place {
        let end = self.source.text.len();
        let span = span.unwrap_or(0..0);
        Place { source: Arc::clone(&self.source), span: span.start.min(end)..span.end.min(end) }
    }

    /// Whether it gives values to variables (`terraform.tfvars`) and declares nothing.
    fn is_values(&self) -> bool {
        self.source.name.ends_with(".tfvars")
    }

    fn blocks<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Block> {
        self.body.blocks().filter(move |block| block.has_ident(kind))
    }
}

/// What the files declare, by name.
pub(crate) struct Declarations<'a> {
    pub(crate) files: &'a [File],
    /// Values from `.tfvars` files. The last one counts, as in Terraform.
    values: BTreeMap<&'a str, Said<'a>>,
    /// Every variable, with its default.
    variables: BTreeMap<&'a str, Option<Said<'a>>>,
    locals: BTreeMap<&'a str, Said<'a>>,
}

/// What is known of a variable.
pub(crate) enum Variable<'a> {
    Is(Said<'a>),
    WithoutDefault,
    Undeclared,
}

impl<'a> Declarations<'a> {
    pub(crate) fn of(files: &'a [File]) -> Self {
        let mut this = Self { files, values: BTreeMap::new(), variables: BTreeMap::new(), locals: BTreeMap::new() };
        for file in files {
            if file.is_values() {
                this.values.extend(attributes(file, &file.body));
                continue;
            }
            for block in file.blocks("variable") {
                if let [name] = block.labels.as_slice() {
                    let default = block.body.get_attribute("default").map(|default| Said { file, expression: &default.value });
                    this.variables.insert(name.as_str(), default);
                }
            }
            for block in file.blocks("locals") {
                this.locals.extend(attributes(file, &block.body));
            }
        }
        this
    }

    pub(crate) fn variable(&self, name: &str) -> Variable<'a> {
        match (self.values.get(name), self.variables.get(name)) {
            (Some(said), _) | (None, Some(Some(said))) => Variable::Is(*said),
            (None, Some(None)) => Variable::WithoutDefault,
            (None, None) => Variable::Undeclared,
        }
    }

    pub(crate) fn local(&self, name: &str) -> Option<Said<'a>> {
        self.locals.get(name).copied()
    }

    /// The region of the provider `aws`, or of that alias of it.
    pub(crate) fn region(&self, alias: Option<&str>) -> Option<Said<'a>> {
        self.files.iter().find_map(|file| {
            let provider = file.blocks("provider").find(|block| {
                let said = block.body.get_attribute("alias").and_then(|alias| alias.value.as_str());
                block.has_exact_labels(&["aws"]) && said == alias
            })?;
            provider.body.get_attribute("region").map(|region| Said { file, expression: &region.value })
        })
    }

    /// Every module block, in the order of the files.
    pub(crate) fn modules(&self) -> Vec<(&'a File, &'a Block)> {
        self.files.iter().flat_map(|file| file.blocks("module").map(move |block| (file, block))).collect()
    }
}

fn attributes<'a>(file: &'a File, body: &'a Body) -> impl Iterator<Item = (&'a str, Said<'a>)> {
    body.attributes().map(move |attribute| (attribute.key.as_str(), Said { file, expression: &attribute.value }))
}
