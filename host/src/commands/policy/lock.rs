//! `kaphost policy lock`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use kaphost_policy_set::{Draft, Drafted, Place, PolicySet};
use kaphost_spec::{ConfigSource, Span};

use super::module::{bytes, find};
use crate::cli::{Format, Global};
use crate::cloud::block_on;
use crate::document::Document;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::record::{self, sha256};
use crate::render::shipping::{self, Locked};
use crate::render::simple::Simple;
use crate::{input, registry, term};

/// Write the digests of its modules into a policy set
///
/// A reference with a tag gets its digest behind it, a file without `sha256` gets that; the rest of the text, comments included, stays as it is. A digest that is there
/// is left alone unless --update is given: look at what has changed before you commit it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  kaphost policy lock policies.kdl\n  kaphost policy lock policies.kdl --update\n  kaphost policy lock policies.kdl --update --check"
)]
pub(crate) struct Command {
    /// The policy set
    #[arg(value_name = "SET.kdl")]
    set: PathBuf,
    /// Look again at tags and files that have a digest already, and write it where it is another now
    #[arg(long)]
    update: bool,
    /// Write nothing, and end with 1 when something would be written
    #[arg(long)]
    check: bool,
}

/// A piece of the text, and what is to stand there.
struct Edit {
    span: Span,
    text: String,
}

pub(super) fn run(global: &Global, command: &Command) -> Result<Exit, Failure> {
    let file = &command.set;
    let text = input::text_of(file).map_err(|why| Failure::Unreadable { what: "the policy set", file: file.clone(), why })?;
    let name = file.display().to_string();
    let set_of = |text: String| ConfigSource::new(name.clone(), text);
    let draft = Draft::parse(set_of(text.clone()))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let found = digests(&draft, folder, command.update)?;
    let (mut edits, mut locked) = (Vec::new(), Vec::new());
    for (entry, digest) in draft.entries().zip(found) {
        let Some(digest) = digest else { continue };
        let (edit, before) = edit(&draft, entry, &digest)?;
        if let Some(edit) = edit {
            edits.push(edit);
            locked.push(Locked { name: entry.name().to_owned(), place: place_of(entry), digest, before });
        }
    }
    let locked_text = applied(text, edits);
    // What is written can be read, and holds every digest: otherwise what was there stays.
    PolicySet::parse(set_of(locked_text.clone()))?;
    let exit = if command.check && !locked.is_empty() { Exit::Error } else { Exit::Done };
    if !command.check && !locked.is_empty() {
        let unwritable = |error: std::io::Error| Failure::Unwritable { what: "the policy set", file: file.clone(), why: error.to_string() };
        record::replace(file, locked_text.as_bytes()).map_err(unwritable)?;
    }
    term::out(&match global.output {
        Format::Text => shipping::locked(&name, &locked, command.check),
        Format::Json => Document::PolicyLock.text(exit, &shipping::locked_json(&name, &locked, command.check)),
    });
    Ok(exit)
}

fn place_of(entry: Drafted<'_>) -> String {
    match entry.place() {
        Place::File(file) => file,
        Place::Registry(reference) => reference.without_digest().to_string(),
    }
}

/// The digest of each module that is to be looked at: of a manifest, or of a file. A registry is asked once for what several entries name, so that they
/// cannot get different digests.
fn digests(draft: &Draft, folder: &Path, update: bool) -> Result<Vec<Option<String>>, Failure> {
    let registries = registry::registries();
    let mut asked: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut digest = async |entry: Drafted<'_>| match entry.place() {
        Place::Registry(reference) if reference.tag().is_some() && (update || reference.digest().is_none()) => {
            let reference = reference.without_digest();
            if let Some(known) = asked.get(&reference.to_string()) {
                return Ok(known.clone());
            }
            let found = find(&registries, &reference).await?.reference.digest().map(str::to_owned);
            asked.insert(reference.to_string(), found.clone());
            Ok(found)
        }
        Place::File(_) if update || entry.sha256().is_none() => Ok(Some(sha256(&bytes(&entry.file(folder))?))),
        Place::Registry(_) | Place::File(_) => Ok::<_, Failure>(None),
    };
    block_on(async {
        let mut all = Vec::new();
        for entry in draft.entries() {
            all.push(digest(entry).await?);
        }
        Ok(all)
    })
}

/// What to write for one entry, if it is not there already, and the digest that it replaces.
fn edit(draft: &Draft, entry: Drafted<'_>, digest: &str) -> Result<(Option<Edit>, Option<String>), Failure> {
    let path = entry.path_span();
    match entry.place() {
        Place::File(_) => match (entry.sha256(), entry.sha256_span()) {
            (Some(before), _) if before == digest => Ok((None, None)),
            (Some(before), Some(span)) => Ok((Some(Edit { span: span.clone(), text: format!("\"{digest}\"") }), Some(before.to_owned()))),
            _ => Ok((Some(Edit { span: path.end..path.end, text: beside_path(draft, path, digest) }), None)),
        },
        Place::Registry(reference) => {
            if reference.digest() == Some(digest) {
                return Ok((None, None));
            }
            let spelt = draft.source().text.get(path.clone()).unwrap_or_default();
            let (before, after) = (reference.to_string(), reference.with_digest(digest).to_string());
            let Some(at) = spelt.find(&before) else {
                let message =
                    format!("the path of `{}` is spelt with escapes or capitals, and kaphost does not write into those", entry.name());
                let problem = Simple::new("spelling", message).with_help(format!("write it plainly: \"{after}\""));
                return Err(Failure::Unfit(vec![problem]));
            };
            let start = path.start + at;
            Ok((Some(Edit { span: start..start + before.len(), text: after }), reference.digest().map(str::to_owned)))
        }
    }
}

/// A digest behind the path: a property behind a property, and a node in the line below a node.
fn beside_path(draft: &Draft, path: &Span, digest: &str) -> String {
    let text = &draft.source().text;
    let before = text.get(..path.start).unwrap_or_default();
    if before.trim_end().ends_with('=') {
        return format!(" sha256=\"{digest}\"");
    }
    let line = before.rfind('\n').map_or(before, |at| before.get(at + 1..).unwrap_or_default());
    let indent: String = line.chars().take_while(|letter| letter.is_whitespace()).collect();
    if line.trim_start().starts_with("path") { format!("\n{indent}sha256 \"{digest}\"") } else { format!("; sha256 \"{digest}\"") }
}

/// The text with every edit, from its end to its begin, so that no place moves before it is used.
fn applied(mut text: String, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| edit.span.start);
    for edit in edits.into_iter().rev() {
        text.replace_range(edit.span, &edit.text);
    }
    text
}
