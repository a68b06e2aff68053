//! The clusters of a run, one or several: what is done for each of them, side by side; what is shown of each; how the run ends as a whole.
//!
//! A run about one cluster looks as if there were no others: no heading, no summary, a flat document.

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::cli::{Format, Global};
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::Input;
use crate::term::{self, BAD, CHANGED, GOOD, STRONG, paint};

/// Clusters that are worked on at the same time. An account may make some 50 EC2 writes of a kind at once and 5 a second after that, and the SDK keeps some 100
/// retries for each service and region: 16 clusters stay below both, with a retry or two of each under way. A cluster that waits for its server holds its
/// place meanwhile.
pub(crate) const AT_ONCE: usize = 16;

/// The clusters of a run, in the order of their file, and how far each has come. At least one.
#[derive(Debug)]
pub(crate) struct Fleet<T>(Vec<Member<T>>);

/// One cluster of a run.
#[derive(Debug)]
pub(crate) struct Member<T> {
    /// Its name.
    pub(crate) cluster: String,
    /// Its region.
    pub(crate) region: String,
    /// What there is of it so far, or what stands in its way.
    pub(crate) so_far: Result<T, Failure>,
}

/// How a run ended for one cluster.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Well, or with something to tell.
    pub(crate) exit: Exit,
    /// Whether anything of it was changed.
    pub(crate) changed: bool,
    /// What people are still to be shown, on standard output.
    pub(crate) text: String,
    /// The same in a few words: "6 to create".
    pub(crate) brief: String,
    /// For programs: what stands in the document beside its envelope.
    pub(crate) members: Value,
}

impl Ended {
    /// Well, with nothing changed and nothing to say to people.
    #[must_use]
    pub(crate) const fn with(members: Value) -> Self {
        Self { exit: Exit::Done, changed: false, text: String::new(), brief: String::new(), members }
    }
}

impl Fleet<Input> {
    /// Nothing is done yet.
    #[must_use]
    pub(crate) fn of(inputs: Vec<Input>) -> Self {
        let one = |input: Input| {
            let cluster = &input.spec.cluster;
            Member { cluster: cluster.name.to_string(), region: cluster.region.to_string(), so_far: Ok(input) }
        };
        Self(inputs.into_iter().map(one).collect())
    }
}

impl<T> Fleet<T> {
    /// Whether there are several.
    #[must_use]
    pub(crate) const fn is_several(&self) -> bool {
        self.0.len() > 1
    }

    /// How many.
    #[must_use]
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Each that nothing stands in the way of.
    pub(crate) fn going(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|member| member.so_far.as_ref().ok())
    }

    /// The next thing for each that nothing stands in the way of, one after the other.
    pub(crate) fn then<U>(self, work: impl Fn(T) -> Result<U, Failure>) -> Fleet<U> {
        Fleet(self.0.into_iter().map(|member| member.with(|so_far| so_far.and_then(&work))).collect())
    }

    /// The next thing for each that nothing stands in the way of, side by side, [`AT_ONCE`] of them. One that fails is no harm to the others.
    pub(crate) async fn each<U>(self, work: impl AsyncFn(T) -> Result<U, Failure>) -> Fleet<U> {
        let work = &work;
        let one = async |Member { cluster, region, so_far }: Member<T>| {
            let so_far = match so_far {
                Ok(it) => work(it).await,
                Err(failure) => Err(failure),
            };
            Member { cluster, region, so_far }
        };
        Fleet(stream::iter(self.0).map(one).buffered(AT_ONCE).collect().await)
    }

    /// What stands in the way of any, seen in another way.
    pub(crate) fn because(self, seen: impl Fn(Failure) -> Failure) -> Self {
        Self(self.0.into_iter().map(|member| member.with(|so_far| so_far.map_err(&seen))).collect())
    }

    /// Shows people something of each that nothing stands in the way of.
    pub(crate) fn preview(&self, global: &Global, text: impl Fn(&T) -> String) {
        if global.output != Format::Text {
            return;
        }
        for member in &self.0 {
            if let Ok(it) = &member.so_far {
                term::out(&format!("{}{}", self.heading(member), text(it)));
            }
        }
    }

    /// All of them, if nothing stands in the way of any. Else how the run ends: nothing of any of them is begun.
    ///
    /// # Errors
    /// The failures, and of the others that they are held back.
    pub(crate) fn all_or_none(self) -> Result<Self, Fleet<Ended>> {
        if self.0.iter().all(|member| member.so_far.is_ok()) {
            return Ok(self);
        }
        Err(self.then(|_| Err(Failure::HeldBack)))
    }

    /// What there is of the one cluster of a run. Several come back as they are.
    ///
    /// # Errors
    /// The several.
    pub(crate) fn alone(mut self) -> Result<Result<T, Failure>, Self> {
        match (self.is_several(), self.0.pop()) {
            (false, Some(member)) => Ok(member.so_far),
            (_, last) => {
                self.0.extend(last);
                Err(self)
            }
        }
    }

    /// `── kapacitor-stage in us-east-1 ──`, where there are others.
    fn heading(&self, member: &Member<T>) -> String {
        if self.is_several() { heading(&member.cluster, &member.region) } else { String::new() }
    }
}

/// A line above what is said of one cluster of several.
#[must_use]
pub(crate) fn heading(cluster: &str, region: &str) -> String {
    format!("\n{}\n", paint(STRONG, format_args!("── {cluster} in {region} ──")))
}

impl<T> Member<T> {
    fn with<U>(self, work: impl FnOnce(Result<T, Failure>) -> Result<U, Failure>) -> Member<U> {
        Member { cluster: self.cluster, region: self.region, so_far: work(self.so_far) }
    }
}

impl Fleet<Ended> {
    /// Shows how the run ended: for one cluster as if there were no others; for several each under its heading, and a summary. The document of several
    /// holds one of each in `clusters`.
    ///
    /// # Errors
    /// What stands in the way of the one cluster of a run.
    pub(crate) fn show(self, global: &Global, document: Document) -> Result<Exit, Failure> {
        let all = match self.alone() {
            Err(all) => all,
            Ok(one) => {
                let ended = one?;
                term::out(&match global.output {
                    Format::Text => ended.text,
                    Format::Json => document.text(ended.exit, &ended.members),
                });
                return Ok(ended.exit);
            }
        };
        Ok(all.show_all(global, document))
    }

    fn show_all(&self, global: &Global, document: Document) -> Exit {
        let exit = self.exit();
        if global.output == Format::Json {
            let clusters: Vec<Value> = self.0.iter().map(Member::json).collect();
            term::out(&document.text(exit, &json!({ "clusters": clusters })));
        }
        for member in &self.0 {
            match &member.so_far {
                Ok(ended) if global.output == Format::Text && !ended.text.is_empty() => {
                    term::out(&format!("{}{}", self.heading(member), ended.text));
                }
                Ok(_) => {}
                // Somebody who reads standard error alone is told whose failure it is, too.
                Err(failure) => term::err(&format!("{}{}", self.heading(member), failure.text())),
            }
        }
        if global.output == Format::Text {
            term::out(&self.summary());
        }
        exit
    }

    /// The worst of all. Where some were changed and others failed, the run is half done, whatever the others failed with: 1, 3 and 4 say that nothing
    /// was changed.
    fn exit(&self) -> Exit {
        let worst = self.0.iter().fold(Exit::Done, |worst, member| worst.worst(member.exit()));
        let changed = self.going().any(|ended| ended.changed);
        let failed = self.0.iter().any(|member| member.so_far.is_err());
        if changed && failed { worst.worst(Exit::Partial) } else { worst }
    }

    fn summary(&self) -> String {
        let widest = |text: fn(&Member<Ended>) -> &String| self.0.iter().map(|member| text(member).chars().count()).max().unwrap_or(0);
        let (name, region) = (widest(|member| &member.cluster), widest(|member| &member.region));
        let mut out = format!("\n{}\n", paint(STRONG, format_args!("── {} clusters ──", self.len())));
        for member in &self.0 {
            let how = match &member.so_far {
                Ok(Ended { exit: Exit::Done, brief, .. }) => paint(GOOD, brief),
                Ok(ended) => paint(CHANGED, &ended.brief),
                Err(failure) => paint(BAD, failure.brief()),
            };
            let line = format!("  {:<name$}  {:<region$}  {how}", member.cluster, member.region);
            out.push_str(&format!("{line}\n"));
        }
        out
    }
}

impl Member<Ended> {
    fn exit(&self) -> Exit {
        match &self.so_far {
            Ok(ended) => ended.exit,
            Err(failure) => failure.exit(),
        }
    }

    /// What the flat document would hold, with the cluster's name and region.
    fn json(&self) -> Value {
        let mut object = match &self.so_far {
            Ok(ended) => ended.members.clone(),
            Err(failure) => failure.members(),
        };
        object["cluster"] = json!(self.cluster);
        object["region"] = json!(self.region);
        object["exit"] = json!(self.exit().code());
        object
    }
}
