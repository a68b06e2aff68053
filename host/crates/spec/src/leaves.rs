//! A cluster as a flat table of leaves, so that two of them can be compared value by value.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::model::Cluster;
use crate::path::{Path, Segment};

mod apart;
mod json;
mod walk;

use self::walk::{Sink, walk};

/// One value. Never null: what is not set has no leaf. An entry of a keyed list that has no values of its own (a subnet) is [`Leaf::Present`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Leaf {
    /// The entry is there.
    Present,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(u64),
    /// Text.
    Text(String),
    /// Several texts, in order.
    Texts(Vec<String>),
}

impl From<bool> for Leaf {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u16> for Leaf {
    fn from(value: u16) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Leaf {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<String> for Leaf {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl fmt::Display for Leaf {
    /// As the config spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("present"),
            Self::Bool(value) => write!(f, "#{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{}", Value::from(value.as_str())),
            Self::Texts(values) => {
                for (i, value) in values.iter().enumerate() {
                    let gap = if i == 0 { "" } else { " " };
                    write!(f, "{gap}{}", Value::from(value.as_str()))?;
                }
                Ok(())
            }
        }
    }
}

/// How many leaves there is room for at first: a server with some rules, volumes and tags has fewer.
const LEAVES: usize = 96;

/// Every value of a cluster by its path.
pub type Leaves = BTreeMap<Path, Leaf>;

impl Cluster {
    /// Every value by its path. Two clusters are equal if and only if their leaves are.
    #[must_use]
    pub fn leaves(&self) -> Leaves {
        Table::of(self, None)
    }

    /// What [`Self::leaves`] is as JSON, byte for byte, made without the table: leaves are sorted by path, and every leaf has one form, so equal clusters
    /// have equal texts.
    #[must_use]
    pub fn leaves_json(&self) -> String {
        json::of(self)
    }
}

/// A table in the making.
struct Table<'a> {
    leaves: Vec<(Path, Leaf)>,
    at: Vec<Segment>,
    /// Of the nodes at the top, those that are wanted; all without it.
    wanted: Option<&'a [&'static str]>,
}

impl<'a> Table<'a> {
    fn of(cluster: &Cluster, wanted: Option<&'a [&'static str]>) -> Leaves {
        let mut table = Self { leaves: Vec::with_capacity(if wanted.is_none() { LEAVES } else { 0 }), at: Vec::new(), wanted };
        walk(cluster, &mut table);
        // A map that is made at once of what is in order already takes no search for each value.
        table.leaves.into_iter().collect()
    }

    fn push(&mut self, leaf: Leaf) {
        self.leaves.push((self.at.iter().cloned().collect(), leaf));
    }
}

impl Sink for Table<'_> {
    fn within(&mut self, field: &'static str, what: impl FnOnce(&mut Self)) {
        if self.at.is_empty() && self.wanted.is_some_and(|wanted| !wanted.contains(&field)) {
            return;
        }
        self.field(field);
        what(self);
        self.up();
    }

    fn field(&mut self, name: &'static str) {
        self.at.push(Segment::Field(name.into()));
    }

    fn key(&mut self, key: &str) {
        self.at.push(Segment::Key(key.to_owned()));
    }

    fn up(&mut self) {
        self.at.pop();
    }

    fn present(&mut self) {
        self.push(Leaf::Present);
    }

    fn flag(&mut self, value: bool) {
        self.push(Leaf::Bool(value));
    }

    fn int(&mut self, value: u64) {
        self.push(Leaf::Int(value));
    }

    fn text(&mut self, value: &str) {
        self.push(Leaf::Text(value.to_owned()));
    }

    fn texts<'a>(&mut self, values: impl Iterator<Item = &'a str>) {
        self.push(Leaf::Texts(values.map(str::to_owned).collect()));
    }
}
