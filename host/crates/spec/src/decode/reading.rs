//! The reading of nodes and values for other documents of ours than configs: policy sets are read by the same rules and give the same diagnostics.

use std::sync::Arc;

use kdl::KdlNode;

use super::context::Context;
use super::document;
use super::section::Layer;
pub use super::section::{Said, Section};
pub use super::value::{Scalar, Value, Wrong};
use super::value::{range, shown};
use crate::diagnostic::{Diagnostic, Report};
use crate::origin::Source;
use crate::{Code, Path, Span};

/// Reads a document that takes nothing from the environment or from other files: `(env)` and `(file)` are mistakes in it. `read` is given its nodes as one
/// section, which diagnostics call by the name of `what` it is, and must [`Section::finish`] it. The value comes with the warnings.
///
/// # Errors
/// Every mistake of the document, in the order of its text. When the text is no KDL, only that.
pub fn read<T>(
    source: &Arc<Source>,
    what: &str,
    read: impl for<'c> FnOnce(Section<'c>) -> Option<T>,
) -> Result<(T, Vec<Diagnostic>), Report> {
    let cx = Context::of(Arc::clone(source), None);
    let value = document::read(&cx).and_then(|document| {
        let mut top = KdlNode::new(what);
        top.set_children(document);
        read(Section::new(&cx, Path::root(), vec![Layer { node: &top, defaults: false }]))
    });
    let (diagnostics, failed) = cx.finish();
    match value {
        Some(value) if !failed => Ok((value, diagnostics)),
        _ => Err(Report::new(diagnostics)),
    }
}

/// A value whose name is not ours to know.
#[derive(Debug)]
pub struct Free {
    /// Its name, as written.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// What it is given, each with its place. At least one.
    pub values: Vec<(Scalar, Span)>,
}

impl<'c> Section<'c> {
    /// Everything that is written here, whatever its name: each property, and each child with its arguments. A name that is given twice is a mistake.
    pub fn free(&self) -> Vec<Free> {
        self.open.set(true);
        let mut all: Vec<Free> = Vec::new();
        for layer in &self.layers {
            let properties = layer.node.entries().iter().filter_map(|entry| {
                let key = entry.name()?;
                let path = self.at.field(key.value().to_owned());
                Some((key.value(), range(key.span()), vec![self.value(&path, *layer, entry)]))
            });
            let children = layer.children().iter().map(|node| {
                let child = Layer { node, defaults: layer.defaults };
                let path = self.at.field(node.name().value().to_owned());
                let values: Vec<Value<'c>> = child.arguments().map(|entry| self.value(&path, child, entry)).collect();
                self.plain(child, &values, &path, true);
                (node.name().value(), child.span(), values)
            });
            for (name, span, values) in properties.chain(children).collect::<Vec<_>>() {
                if let Some(first) = all.iter().find(|earlier| earlier.name == name) {
                    self.duplicate(span, first.span.clone(), &format!("`{}`", shown(name)));
                    continue;
                }
                let mut read = Vec::with_capacity(values.len());
                for value in &values {
                    match value.scalar() {
                        Ok(scalar) => read.push((scalar, value.span())),
                        Err(wrong) => self.cx.report(*wrong),
                    }
                }
                if read.len() == values.len() && !read.is_empty() {
                    all.push(Free { name: name.to_owned(), span, values: read });
                }
            }
        }
        all
    }

    /// The names of the nodes below this one, as often as they are written.
    pub fn names(&self) -> impl Iterator<Item = &'c str> {
        self.layers.iter().flat_map(|layer| layer.children()).map(|node| node.name().value())
    }

    /// Where the node's name stands.
    #[must_use]
    pub fn span(&self) -> Span {
        self.layers.first().map_or(0..0, Layer::span)
    }

    /// Where the whole node stands: its name, its values, its block.
    #[must_use]
    pub fn extent(&self) -> Span {
        self.layers.first().map_or(0..0, |layer| range(layer.node.span()))
    }

    /// A mistake about this document that is not yet reported.
    #[must_use]
    pub fn diagnostic(&self, code: Code, span: Span, message: impl Into<String>) -> Diagnostic {
        self.cx.diagnostic(code, span, message)
    }

    /// Reports a mistake.
    pub fn report(&self, diagnostic: Diagnostic) {
        self.cx.report(diagnostic);
    }
}
