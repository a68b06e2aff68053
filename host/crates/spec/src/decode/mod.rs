//! KDL → [`Spec`]: reads a whole file and reports every mistake in it at once.
//!
//! [`section`] reads nodes by name, [`value`] reads single values, and the rest says which names there are, one file for each part of a
//! cluster. What must hold between values is in [`crate::check`], which policies' answers go through too.

mod access;
mod build;
mod cluster;
mod context;
mod document;
mod grammar;
mod layer;
mod lexer;
pub mod reading;
mod section;
mod service;
mod value;
mod volume;

use std::collections::BTreeMap;
use std::sync::Arc;

use kdl::KdlNode;

use self::context::Context;
use self::section::{Layer, Said, Section};
use self::value::{range, shown};
use crate::diagnostic::{Diagnostic, Report};
use crate::lookup::Lookup;
use crate::names::ClusterName;
use crate::origin::{Beneath, Origin, Origins, Source, Spec};
use crate::{Code, Path, Span};

/// What a config file holds.
#[derive(Clone, Debug)]
pub struct File {
    /// Its clusters, in the order of the text. At least one, and no two of one name.
    pub specs: Vec<Spec>,
    /// What is odd in it, but keeps nothing from being used.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a config: every cluster of it, with every default filled in and every value checked.
///
/// # Errors
/// Every mistake of the file, in the order of its text. When the text is no KDL, only that.
pub fn parse(source: Source, lookup: &dyn Lookup) -> Result<File, Report> {
    let cx = Context::new(source, lookup);
    let specs = document::read(&cx).map(|document| clusters(&cx, document.nodes())).unwrap_or_default();
    let (diagnostics, failed) = cx.finish();
    if failed { Err(Report::new(diagnostics)) } else { Ok(File { specs, warnings: diagnostics }) }
}

fn clusters<'c>(cx: &'c Context<'c>, nodes: &'c [KdlNode]) -> Vec<Spec> {
    let mut defaults: Option<Layer<'c>> = None;
    let mut clusters: Vec<&'c KdlNode> = Vec::new();
    let mut misnamed = false;
    for node in nodes {
        let span = range(node.name().span());
        match (node.name().value(), &defaults) {
            ("cluster", _) => clusters.push(node),
            ("defaults", None) => defaults = Some(Layer { node, defaults: true }),
            ("defaults", Some(first)) => {
                let diagnostic = cx.diagnostic(Code::Duplicate, span, "`defaults` is given twice").with_label("given again");
                let first = range(first.node.name().span());
                cx.report(diagnostic.with_related(first, "first given here").with_help("a file has one `defaults` node: merge the two"));
            }
            (name, _) => {
                misnamed = true;
                let help = crate::nearest(name, ["cluster", "defaults"])
                    .map_or("a file holds `cluster` nodes and perhaps one `defaults`".to_owned(), |name| format!("did you mean `{name}`?"));
                let diagnostic = cx.diagnostic(Code::UnknownNode, span, format!("unknown node `{}`", shown(name)));
                cx.report(diagnostic.with_label("not a node of a config").with_help(help));
            }
        }
    }
    let shared = defaults.map(|layer| shared(cx, layer)).unwrap_or_default();
    if clusters.is_empty() && !misnamed {
        let end = cx.source.text.len().min(1);
        let help = "describe one: `cluster \"kapacitor-stage\" region=\"us-east-1\" { … }`";
        cx.report(cx.diagnostic(Code::NoCluster, 0..end, "the file describes no cluster").with_help(help));
    }
    let mut names: BTreeMap<ClusterName, Span> = BTreeMap::new();
    clusters.into_iter().filter_map(|node| spec(cx, node, defaults, &shared, &mut names)).collect()
}

/// What `defaults` say, by path. They are read on their own first, so that a mistake in a value that every cluster overrides is found too, and so that it
/// is known what a cluster's own words stand in place of.
fn shared<'c>(cx: &'c Context<'c>, layer: Layer<'c>) -> BTreeMap<Path, Beneath> {
    cx.set_partial(true);
    let draft = cluster::read(Section::new(cx, Path::root(), vec![layer]));
    let mut origins = cx.take_origins();
    cx.take_built_in();
    cx.set_partial(false);
    let said = |(path, value)| origins.remove(&path).map(|origin| (path, Beneath { origin, value }));
    draft.partly().map(|cluster| cluster.leaves().into_iter().filter_map(said).collect()).unwrap_or_default()
}

fn spec<'c>(
    cx: &'c Context<'c>,
    node: &'c KdlNode,
    defaults: Option<Layer<'c>>,
    shared: &BTreeMap<Path, Beneath>,
    names: &mut BTreeMap<ClusterName, Span>,
) -> Option<Spec> {
    let here = range(node.name().span());
    let layers = std::iter::once(Layer { node, defaults: false }).chain(defaults).collect();
    let top = Section::new(cx, Path::root(), vec![Layer { node, defaults: false }]);
    let name_path = Path::root().field("name");
    let name: Option<ClusterName> = match top.argument(0, &name_path, |value| value.parse(Code::InvalidName)) {
        Said::Is(name) => Some(name),
        Said::Wrong => None,
        Said::No | Said::Null => {
            let diagnostic = cx.diagnostic(Code::MissingValue, here.clone(), "a cluster needs a name").with_label("the name is missing");
            cx.report(diagnostic.with_help("write it behind the word: `cluster \"kapacitor-stage\" …`"));
            None
        }
    };
    if let Some(name) = &name {
        let span = cx.nearest(&name_path, &here);
        if let Some(first) = names.get(name) {
            let diagnostic = cx.diagnostic(Code::Duplicate, span, format!("the cluster `{name}` is described twice"));
            let diagnostic = diagnostic.with_label("the same name again").with_related(first.clone(), "first given here");
            cx.report(diagnostic.with_help("the name is what tells clusters apart: give each its own"));
        } else {
            names.insert(name.clone(), span);
        }
    }
    let section = Section::new(cx, Path::root(), layers);
    section.first_argument(&name_path);
    let draft = cluster::read(section);
    draft.check(cx, name.as_ref(), &here);
    let mut origins = Origins::new(Arc::clone(&cx.source), here);
    for (path, origin) in cx.take_origins() {
        if let (Origin::Config(_), Some(beneath)) = (&origin, shared.get(&path)) {
            origins.insert_beneath(path.clone(), beneath.clone());
        }
        origins.insert(path, origin);
    }
    for (path, value) in cx.take_built_in() {
        origins.insert_beneath(path, Beneath { origin: Origin::BuiltIn, value });
    }
    Some(Spec { cluster: Arc::new(draft.complete(name?)?), origins })
}
