//! A node as the text has it, and whose it is.

use kdl::{KdlEntry, KdlNode};

use super::value::range;
use crate::Span;
use crate::origin::Origin;

/// One node of the text that a section is made of.
#[derive(Clone, Copy)]
pub(super) struct Layer<'c> {
    pub(super) node: &'c KdlNode,
    pub(super) defaults: bool,
}

impl<'c> Layer<'c> {
    pub(super) fn span(&self) -> Span {
        range(self.node.name().span())
    }

    pub(super) fn origin(&self) -> Origin {
        if self.defaults { Origin::Defaults(self.span()) } else { Origin::Config(self.span()) }
    }

    pub(super) fn arguments(&self) -> impl Iterator<Item = &'c KdlEntry> + use<'c> {
        self.node.entries().iter().filter(|entry| entry.name().is_none())
    }

    pub(super) fn children(&self) -> &'c [KdlNode] {
        self.node.children().map_or(&[], |children| children.nodes())
    }

    pub(super) fn children_named(&self, name: &str) -> impl Iterator<Item = Layer<'c>> {
        let defaults = self.defaults;
        self.children().iter().filter(move |node| node.name().value() == name).map(move |node| Layer { node, defaults })
    }
}
