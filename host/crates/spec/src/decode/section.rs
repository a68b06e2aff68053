//! A node that holds values: reads them by name, and in the end reports whatever nobody asked for.
//!
//! A single value may be written as a property (`ssh port=22`) or as a child node (`ssh { port 22; }`): both mean the same everywhere.
//! A section has layers: what the cluster says, and below it what the file's `defaults` say. The first layer that says a value wins.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use kdl::{KdlEntry, KdlIdentifier};

use super::context::Context;
pub(super) use super::layer::Layer;
use super::value::{Value, Wrong, range, shown};
use crate::diagnostic::Diagnostic;
use crate::names::Invalid;
use crate::nearest;
use crate::origin::Origin;
use crate::{Code, Leaf, Path, Span};

/// How a name may be written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As a property or as a child.
    Value,
    /// As a child only.
    Node,
}

/// What was said of a value.
pub enum Said<T> {
    /// Nothing.
    No,
    /// `#null`: nothing, whatever `defaults` say.
    Null,
    /// Something wrong, which is reported.
    Wrong,
    /// This.
    Is(T),
}

impl<T> Said<T> {
    /// The value, if there is one.
    #[must_use]
    pub fn ok(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::No | Self::Null | Self::Wrong => None,
        }
    }
}

/// See the module.
pub struct Section<'c> {
    pub(super) cx: &'c Context<'c>,
    pub(super) at: Path,
    pub(super) layers: Vec<Layer<'c>>,
    known: RefCell<BTreeMap<&'static str, Form>>,
    /// Whether any name may stand here.
    pub(super) open: Cell<bool>,
    arguments: Cell<usize>,
}

impl<'c> Section<'c> {
    pub(super) fn new(cx: &'c Context<'c>, at: Path, layers: Vec<Layer<'c>>) -> Self {
        Self { cx, at, layers, known: RefCell::default(), open: Cell::new(false), arguments: Cell::new(0) }
    }

    /// Whether anybody wrote the node.
    #[must_use]
    pub const fn is_said(&self) -> bool {
        !self.layers.is_empty()
    }

    fn know(&self, name: &'static str, form: Form) {
        self.known.borrow_mut().insert(name, form);
    }

    fn wrong(&self, path: &Path, wrong: Diagnostic) {
        self.cx.mark_wrong(path);
        self.cx.report(wrong);
    }

    pub(super) fn value(&self, path: &Path, layer: Layer<'c>, entry: &'c KdlEntry) -> Value<'c> {
        Value { cx: self.cx, entry, name: path.to_string(), defaults: layer.defaults }
    }

    pub(super) fn duplicate(&self, code_span: Span, first: Span, what: &str) {
        self.cx.report(
            self.cx
                .diagnostic(Code::Duplicate, code_span, format!("{what} is given twice"))
                .with_label("given again")
                .with_related(first, "first given here")
                .with_help("keep one of the two"),
        );
    }

    /// Every value that one layer gives a name, each property and each child with its arguments.
    fn written(&self, layer: Layer<'c>, name: &'static str, path: &Path, several: bool) -> Option<Vec<Value<'c>>> {
        let properties = layer.node.entries().iter().filter(|entry| entry.name().is_some_and(|key| key.value() == name));
        let mut places: Vec<(Span, Vec<Value<'c>>)> =
            properties.map(|entry| (entry.name().map_or(0..0, |key| range(key.span())), vec![self.value(path, layer, entry)])).collect();
        for child in layer.children_named(name) {
            let values: Vec<_> = child.arguments().map(|entry| self.value(path, child, entry)).collect();
            self.plain(child, &values, path, several);
            places.push((child.span(), values));
        }
        let mut places = places.into_iter();
        let (first, values) = places.next()?;
        for (again, _) in places {
            self.cx.mark_wrong(path);
            self.duplicate(again, first.clone(), &format!("`{path}`"));
        }
        Some(values)
    }

    /// Checks that a child node holds a plain value and nothing else.
    pub(super) fn plain(&self, child: Layer<'c>, values: &[Value<'c>], path: &Path, several: bool) {
        if values.is_empty() {
            self.cx.mark_wrong(path);
            self.cx.report(
                self.cx
                    .diagnostic(Code::MissingValue, child.span(), format!("`{path}` has no value"))
                    .with_label("a value must follow")
                    .with_help("write the value behind the name, or leave the node out"),
            );
        }
        let only = Section::new(self.cx, path.clone(), vec![child]);
        only.arguments.set(if several { usize::MAX } else { 1 });
        if child.node.children().is_some() {
            self.cx.report(
                self.cx
                    .diagnostic(Code::UnexpectedChildren, child.span(), format!("`{path}` takes no block of children"))
                    .with_label("holds a plain value")
                    .with_help("take the braces away"),
            );
        }
        only.entries_and_annotation(child);
    }

    /// Reads a single value.
    pub fn said<T>(&self, name: &'static str, read: impl Fn(&Value<'c>) -> Result<T, Wrong>) -> Said<T> {
        self.know(name, Form::Value);
        let path = self.at.field(name);
        let Some(values) = self.layers.iter().find_map(|layer| self.written(*layer, name, &path, false)) else { return Said::No };
        let Some(value) = values.first() else { return Said::Wrong };
        self.read(value, &path, read)
    }

    fn read<T>(&self, value: &Value<'c>, path: &Path, read: impl Fn(&Value<'c>) -> Result<T, Wrong>) -> Said<T> {
        self.cx.said(path, value.origin());
        if value.is_null() {
            return Said::Null;
        }
        match read(value) {
            Ok(value) => Said::Is(value),
            Err(wrong) => {
                self.wrong(path, *wrong);
                Said::Wrong
            }
        }
    }

    /// A value that may be absent.
    pub fn maybe<T>(&self, name: &'static str, read: impl Fn(&Value<'c>) -> Result<T, Wrong>) -> Option<T> {
        self.said(name, read).ok()
    }

    /// A value with a default. `#null` asks for the default, whatever `defaults` say.
    pub(super) fn or<T: Clone + Into<Leaf>>(&self, name: &'static str, default: T, read: impl Fn(&Value<'c>) -> Result<T, Wrong>) -> T {
        let value = self.maybe(name, read);
        self.default(name, default.clone());
        value.unwrap_or(default)
    }

    /// Says what kaphost has for a value that was read, if somebody says it.
    pub(super) fn default(&self, name: &'static str, default: impl Into<Leaf>) {
        let path = self.at.field(name);
        if self.cx.was_said(&path) {
            self.cx.built_in(path, default.into());
        }
    }

    /// In `defaults` by themselves, what a value that every cluster has to say is taken to be: nobody sees it.
    pub(super) fn stand_in<T: FromStr>(&self, value: Option<T>, text: &str) -> Option<T> {
        value.or_else(|| if self.cx.is_partial() { text.parse().ok() } else { None })
    }

    /// A value that must be there. When it is not, or is wrong, that is reported.
    pub fn need<T>(&self, name: &'static str, help: &str, read: impl Fn(&Value<'c>) -> Result<T, Wrong>) -> Option<T> {
        match self.said(name, read) {
            Said::Is(value) => return Some(value),
            Said::Wrong => {}
            Said::No | Said::Null => self.missing(Code::MissingValue, name, help),
        }
        None
    }

    /// Reports that something which must be there is not.
    pub fn missing(&self, code: Code, name: &'static str, help: &str) {
        self.cx.mark_wrong(&self.at.field(name));
        let Some(layer) = self.layers.first() else { return };
        if self.cx.is_partial() {
            return;
        }
        let what = shown(layer.node.name().value());
        // What has no name of its own comes with an article: "a value".
        let name = if name.contains(' ') { name.to_owned() } else { format!("`{name}`") };
        self.cx.report(
            self.cx
                .diagnostic(code, layer.span(), format!("`{what}` needs {name}"))
                .with_label(format!("{name} is missing"))
                .with_help(help),
        );
    }

    /// Whether anybody wrote a value of this name, right or wrong.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.layers.iter().any(|layer| {
            layer.node.entries().iter().any(|entry| entry.name().is_some_and(|key| key.value() == name))
                || layer.children_named(name).next().is_some()
        })
    }

    /// Where a value below this node was said, else where the node itself was.
    #[must_use]
    pub fn span_of(&self, name: &'static str) -> Span {
        let node = self.layers.first().map_or(0..0, Layer::span);
        self.cx.exactly(&self.at.field(name)).unwrap_or(node)
    }

    /// Gives an entry of a list its place, once its key is known. `by` are the names that may hold the key.
    pub(super) fn rekey(&mut self, list: &Path, by: &[&'static str], key: Option<&impl Display>) {
        let mut origin = None;
        for name in by {
            origin = origin.or(self.cx.unsay(&self.at.field(*name)));
        }
        if let Some(key) = key {
            self.at = list.key(key);
            if let Some(origin) = origin {
                self.cx.said(&self.at, origin);
            }
        }
    }

    /// Reports that two entries of this section have one key.
    pub(super) fn duplicate_key(&self, again: Span, first: Span, key: &impl Display) {
        self.duplicate(again, first, &format!("`{}` of `{}`", shown(&key.to_string()), self.at));
    }

    /// Several values behind one name, each once and at least one.
    pub fn list<T: PartialEq>(&self, name: &'static str, read: impl Fn(&Value<'c>) -> Result<T, Wrong>) -> Option<Vec<(T, Origin)>> {
        self.know(name, Form::Value);
        let path = self.at.field(name);
        let values = self.layers.iter().find_map(|layer| self.written(*layer, name, &path, true))?;
        if let (Some(first), Some(last)) = (values.first(), values.last()) {
            let span = first.span().start..last.span().end;
            self.cx.said(&path, if first.defaults { Origin::Defaults(span) } else { Origin::Config(span) });
        }
        let mut list: Vec<(T, Origin)> = Vec::new();
        for value in &values {
            let item = match read(value) {
                Ok(item) => item,
                Err(wrong) => {
                    self.wrong(&path, *wrong);
                    continue;
                }
            };
            // Quadratic in the length of one list, which no setting of AWS's lets grow: see MAX_LIST.
            match list.iter().find(|(earlier, _)| *earlier == item) {
                Some((_, Origin::Config(first) | Origin::Defaults(first))) => {
                    self.duplicate(value.span(), first.clone(), &format!("a value of `{path}`"));
                }
                _ if list.len() >= MAX_LIST => {
                    self.wrong(&path, *value.wrong(Code::OutOfRange, "has too many values", format!("use at most {MAX_LIST}")));
                    break;
                }
                _ => list.push((item, value.origin())),
            }
        }
        Some(list)
    }

    /// An argument of the node itself.
    pub fn argument<T>(&self, index: usize, path: &Path, read: impl Fn(&Value<'c>) -> Result<T, Wrong>) -> Said<T> {
        self.arguments.set(self.arguments.get().max(index + 1));
        let Some((layer, entry)) = self.layers.iter().find_map(|layer| Some((*layer, layer.arguments().nth(index)?))) else {
            return Said::No;
        };
        self.read(&self.value(path, layer, entry), path, read)
    }

    /// The node's first argument as it is written, annotation and all.
    pub(super) fn first_argument(&self, path: &Path) -> Option<Value<'c>> {
        self.arguments.set(self.arguments.get().max(1));
        self.layers.iter().find_map(|layer| Some(self.value(path, *layer, layer.arguments().next()?)))
    }

    /// A section below this one. There once per layer; nobody need write it.
    #[must_use]
    pub fn section(&self, name: &'static str) -> Self {
        self.know(name, Form::Node);
        let path = self.at.field(name);
        let mut layers = Vec::new();
        for layer in &self.layers {
            let mut nodes = layer.children_named(name);
            let Some(first) = nodes.next() else { continue };
            for again in nodes {
                self.cx.mark_wrong(&path);
                self.duplicate(again.span(), first.span(), &format!("`{path}`"));
            }
            layers.push(first);
        }
        if let Some(top) = layers.first() {
            self.cx.said(&path, top.origin());
        }
        Section::new(self.cx, path, layers)
    }

    /// As [`Self::section`], taking the cluster's layer alone if it has one: what it says replaces what `defaults` say.
    pub(super) fn replaced_section(&self, name: &'static str) -> Self {
        let mut section = self.section(name);
        section.layers.truncate(1);
        section
    }

    /// As [`Self::section`]. `None` when nobody wrote it, or when it is written as `#null`.
    pub(super) fn optional_section(&self, name: &'static str) -> Option<Self> {
        let mut section = self.section(name);
        let is_null = |layer: &Layer<'c>| {
            matches!(layer.node.entries(), [only] if only.name().is_none() && only.value().is_null()) && layer.children().is_empty()
        };
        if let Some(end) = section.layers.iter().position(is_null) {
            section.layers.truncate(end);
        }
        section.is_said().then_some(section)
    }

    /// Nodes of one name without a key that would merge them: those of the first layer that has any.
    #[must_use]
    pub fn each(&self, name: &'static str) -> Vec<Self> {
        self.know(name, Form::Node);
        let nodes = |layer: &Layer<'c>| {
            let nodes: Vec<_> = layer.children_named(name).collect();
            (!nodes.is_empty()).then_some(nodes)
        };
        let nodes = self.layers.iter().find_map(nodes).unwrap_or_default();
        nodes.into_iter().map(|node| Section::new(self.cx, self.at.field(name), vec![node])).collect()
    }

    /// Nodes of one name whose first argument is their key. Those of `defaults` are merged in by key.
    /// A node whose key is wrong comes without one, so that the rest of it is read too.
    pub fn keyed<K: FromStr<Err = Invalid> + Ord + Clone + Display>(&self, name: &'static str, code: Code) -> Vec<(Option<K>, Self)> {
        self.know(name, Form::Node);
        let path = self.at.field(name);
        let mut sections: Vec<(Option<K>, Self)> = Vec::new();
        let mut index: BTreeMap<K, usize> = BTreeMap::new();
        for layer in &self.layers {
            let mut here: BTreeMap<K, Span> = BTreeMap::new();
            for node in layer.children_named(name) {
                let alone = Section::new(self.cx, path.clone(), vec![node]);
                let key = alone.key::<K>(node, &path, code);
                let Some((key, origin)) = key else {
                    sections.push((None, alone));
                    continue;
                };
                let span = match &origin {
                    Origin::Config(span) | Origin::Defaults(span) => span.clone(),
                    Origin::BuiltIn => node.span(),
                };
                if let Some(first) = here.get(&key) {
                    self.duplicate(span, first.clone(), &format!("`{}`", path.key(&key)));
                    continue;
                }
                here.insert(key.clone(), span);
                match index.get(&key).and_then(|at| sections.get_mut(*at)) {
                    Some((_, section)) => section.layers.push(node),
                    None => {
                        let at = path.key(&key);
                        self.cx.said(&at, origin);
                        index.insert(key.clone(), sections.len());
                        sections.push((Some(key), Section { at, ..alone }));
                    }
                }
            }
        }
        sections
    }

    /// What is wrong with a key is noted for no entry in particular: the other entries are held to the rules all the same.
    fn key<K: FromStr<Err = Invalid>>(&self, node: Layer<'c>, path: &Path, code: Code) -> Option<(K, Origin)> {
        self.arguments.set(1);
        let Some(entry) = node.arguments().next() else {
            self.cx.mark_wrong(&path.key(""));
            self.cx.report(
                self.cx
                    .diagnostic(Code::MissingValue, node.span(), format!("`{path}` needs a first argument that names it"))
                    .with_label("the name is missing")
                    .with_help(format!("write `{path} \"…\"`")),
            );
            return None;
        };
        let value = self.value(path, node, entry);
        match value.parse(code) {
            Ok(key) => Some((key, value.origin())),
            Err(wrong) => {
                self.wrong(&path.key(""), *wrong);
                None
            }
        }
    }

    /// Reports everything in the node that was never asked for.
    pub fn finish(self) {
        for layer in &self.layers {
            self.entries_and_annotation(*layer);
            if self.open.get() {
                continue;
            }
            let mut unknown = layer.children().iter().filter(|node| !self.known.borrow().contains_key(node.name().value())).peekable();
            if unknown.peek().is_none() {
                continue;
            }
            for node in unknown {
                let name = node.name().value();
                let known: Vec<_> = self.known.borrow().keys().copied().collect();
                let diagnostic = self
                    .cx
                    .diagnostic(Code::UnknownNode, range(node.name().span()), format!("unknown node{}", self.named(node.name())))
                    .with_label(format!("not a node of `{}`", shown(layer.node.name().value())))
                    .with_help(suggestion(name, &known));
                self.cx.report(diagnostic);
            }
        }
    }

    fn entries_and_annotation(&self, layer: Layer<'c>) {
        let node = shown(layer.node.name().value());
        if let Some(ty) = layer.node.ty() {
            let message = format!("`{node}` cannot have the annotation{}", self.named(ty));
            let diagnostic = self.cx.diagnostic(Code::UnknownAnnotation, range(ty.span()), message);
            self.cx
                .report(diagnostic.with_label("annotates the node").with_help("an annotation stands before a value: `name (env)\"NAME\"`"));
        }
        // `defaults` itself has no name of its own.
        let arguments = if layer.defaults && self.at == Path::root() { 0 } else { self.arguments.get() };
        for entry in layer.arguments().skip(arguments) {
            let takes = match arguments {
                0 => "no argument".to_owned(),
                1 => "one argument".to_owned(),
                n => format!("{n} arguments"),
            };
            let diagnostic = self.cx.diagnostic(Code::UnexpectedArgument, range(entry.span()), format!("`{node}` takes {takes}"));
            self.cx.report(diagnostic.with_label("one too many").with_help(self.argument_help(arguments)));
        }
        for entry in layer.node.entries() {
            let Some(key) = entry.name() else { continue };
            let name = key.value();
            let known = self.known.borrow();
            let help = match known.get(name) {
                Some(Form::Value) => continue,
                _ if self.open.get() => continue,
                Some(Form::Node) => format!("`{name}` is a node: write it inside of the braces of `{node}`"),
                None => {
                    let properties: Vec<_> = known.iter().filter(|(_, form)| **form == Form::Value).map(|(name, _)| *name).collect();
                    suggestion(name, &properties)
                }
            };
            let diagnostic = self.cx.diagnostic(Code::UnknownProperty, range(key.span()), format!("unknown property{}", self.named(key)));
            self.cx.report(diagnostic.with_label(format!("not a property of `{node}`")).with_help(help));
        }
    }

    /// A name, quoted with a space before it; nothing where snippets cover it.
    fn named(&self, name: &KdlIdentifier) -> String {
        let called = self.cx.called(&range(name.span()), name.value(), "");
        if called.is_empty() { called } else { format!(" {called}") }
    }

    fn argument_help(&self, arguments: usize) -> String {
        let known = self.known.borrow();
        match known.iter().find(|(_, form)| **form == Form::Value) {
            Some((name, _)) if arguments == 0 => format!("give values by name, such as `{name}=…`"),
            _ => "take it away".to_owned(),
        }
    }
}

/// Values of one list. More subnets, termination policies or URLs than this are a mistake of whatever wrote the file.
const MAX_LIST: usize = 256;

fn suggestion(name: &str, known: &[&str]) -> String {
    match (nearest(name, known.iter().copied()), known) {
        (Some(name), _) => format!("did you mean `{name}`?"),
        (None, []) => "nothing of the kind is known here".to_owned(),
        (None, known) => format!("known here: {}", known.join(", ")),
    }
}
