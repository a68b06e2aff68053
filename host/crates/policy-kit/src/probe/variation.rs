//! One change to a subject, and ways to make many of one kind.

use std::fmt::Display;
use std::rc::Rc;
use std::str::FromStr;

use kaphost_spec::Cluster;

use super::{Hints, Subject};

/// One change to a subject.
#[derive(Clone)]
pub(super) struct Variation {
    /// What it changes, with `*` for every key; settings as `setting NAME`.
    pub(super) field: String,
    /// What it puts there, for people.
    pub(super) value: String,
    apply: Rc<dyn Fn(&mut Subject)>,
}

impl std::fmt::Display for Variation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.field, self.value)
    }
}

impl Variation {
    pub(super) fn apply(&self, subject: &mut Subject) {
        (self.apply)(subject);
    }
}

/// Variations in the making.
pub(super) struct Book<'a> {
    pub(super) all: Vec<Variation>,
    pub(super) hints: &'a Hints,
}

impl Book<'_> {
    /// Any change to a subject.
    pub(super) fn subject(&mut self, field: &str, value: impl Display, apply: impl Fn(&mut Subject) + 'static) {
        self.all.push(Variation { field: field.to_owned(), value: value.to_string(), apply: Rc::new(apply) });
    }

    /// Any change to the cluster.
    pub(super) fn cluster(&mut self, field: &str, value: impl Display, apply: impl Fn(&mut Cluster) + 'static) {
        self.subject(field, value, move |subject| apply(&mut subject.cluster));
    }

    /// Both truths.
    pub(super) fn flag(&mut self, field: &str, at: impl Fn(&mut Cluster) -> Option<&mut bool> + Clone + 'static) {
        for value in [true, false] {
            let at = at.clone();
            self.cluster(field, format_args!("#{value}"), move |cluster| {
                if let Some(flag) = at(cluster) {
                    *flag = value;
                }
            });
        }
    }

    /// Numbers at the edges, and beside those of the settings.
    pub(super) fn numbers<T>(&mut self, field: &str, edges: &[T], at: impl Fn(&mut Cluster, T) + Clone + 'static)
    where
        T: Copy + PartialEq + Display + TryFrom<i64> + 'static,
    {
        let mut values = edges.to_vec();
        for number in &self.hints.numbers {
            values.extend([-1, 0, 1].iter().filter_map(|step| T::try_from(number.checked_add(*step)?).ok()));
        }
        for (at_value, value) in values.iter().copied().enumerate() {
            if values.get(..at_value).is_some_and(|earlier| !earlier.contains(&value)) {
                let at = at.clone();
                self.cluster(field, value, move |cluster| at(cluster, value));
            }
        }
    }

    /// One of a few words.
    pub(super) fn words<T: Copy + Display + 'static>(&mut self, field: &str, words: &[T], at: impl Fn(&mut Cluster, T) + Clone + 'static) {
        for word in words.iter().copied() {
            let at = at.clone();
            self.cluster(field, word, move |cluster| at(cluster, word));
        }
    }

    /// Texts with rules of their own: these, and those of the settings that are of the kind.
    pub(super) fn parsed<T>(&mut self, field: &str, texts: &[&str], at: impl Fn(&mut Cluster, T) + Clone + 'static)
    where
        T: FromStr + Clone + Display + 'static,
    {
        let hinted: Vec<String> = self.hints.texts.clone();
        for text in texts.iter().copied().chain(hinted.iter().map(String::as_str)) {
            if let Ok(value) = text.parse::<T>() {
                let at = at.clone();
                self.cluster(field, value.clone(), move |cluster| at(cluster, value.clone()));
            }
        }
    }
}
