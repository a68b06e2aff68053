//! A document that is carried out word for word: its blocks of `console` are run, line by line, and must answer what stands there; its `diff FILE` blocks
//! are applied, its `kdl FILE` blocks written.
//!
//! - `$ COMMAND` is run by a shell. What stands below it is all that it says, on both streams; `…` stands for anything, lines included.
//! - A command ends well, unless the next one asks how: `$ echo $?`.
//! - `$ cd FOLDER` holds for all that follows.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use kaphost_tests::{Kaphost, Run};

/// A block between fences.
#[derive(Debug, PartialEq, Eq)]
struct Block<'a> {
    language: &'a str,
    file: &'a str,
    text: &'a str,
    /// From 1, of its first line of text.
    line: usize,
}

/// A document that is being carried out.
pub(crate) struct Telling<'a> {
    kaphost: &'a Kaphost,
    /// Adds to a command what it needs besides the tests' own environment.
    equip: &'a dyn Fn(&mut Command),
    folder: PathBuf,
    /// How the last command ended, and the line that it stands in, while nobody has asked for it.
    ended: Option<(i32, String)>,
    /// What took how long.
    pub(crate) took: Vec<(String, Duration)>,
}

/// The longest that one command may take: a first build compiles what the SDK is made with, and a busy machine takes a while.
const LONGEST: Duration = Duration::from_secs(900);

impl<'a> Telling<'a> {
    pub(crate) fn new(kaphost: &'a Kaphost, equip: &'a dyn Fn(&mut Command)) -> Self {
        Self { kaphost, equip, folder: kaphost.folder(), ended: None, took: Vec::new() }
    }

    /// Carries it out from its beginning, in the working folder.
    pub(crate) fn follow(&mut self, document: &str) {
        for block in blocks(document) {
            match block.language {
                "console" => self.console(&block),
                "diff" => self.amend(&block),
                "kdl" if !block.file.is_empty() => {
                    let file = self.folder.join(block.file);
                    fs::create_dir_all(file.parent().unwrap()).unwrap();
                    fs::write(file, block.text).unwrap();
                }
                _ => {}
            }
        }
        assert_eq!(self.ended, None, "the last command of the document failed");
    }

    fn console(&mut self, block: &Block<'_>) {
        let mut lines = block.text.lines().enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            let command = line.strip_prefix("$ ").unwrap_or_else(|| panic!("line {}: answers nothing: {line}", block.line + index));
            let mut answer = String::new();
            while let Some((_, line)) = lines.next_if(|(_, line)| !line.starts_with("$ ")) {
                answer.push_str(line);
                answer.push('\n');
            }
            let place = format!("line {}: {command}", block.line + index);
            let said = self.command(command, &place);
            // What one machine sees differs in spaces at ends of lines at most.
            let said: String = said.lines().map(|line| format!("{}\n", line.trim_end())).collect();
            assert!(is_told(&said, &answer), "{place}\n── the document\n{answer}── the program\n{said}");
        }
    }

    fn command(&mut self, line: &str, place: &str) -> String {
        if line == "echo $?" {
            return format!("{}\n", self.ended.take().map_or(0, |(code, _)| code));
        }
        assert_eq!(self.ended, None, "{place}: the command before it failed, and the document does not say so");
        if let Some(folder) = line.strip_prefix("cd ") {
            self.folder = self.folder.join(folder).canonicalize().unwrap_or_else(|error| panic!("{place}: {error}"));
            return String::new();
        }
        let start = Instant::now();
        let run = self.run(line);
        self.took.push((line.to_owned(), start.elapsed()));
        let code = run.code.unwrap_or_else(|| panic!("{place}: {run}"));
        if code != 0 {
            self.ended = Some((code, format!("{place}: {run}")));
        }
        run.stdout
    }

    /// A line for the shell, with both streams as one.
    fn run(&self, line: &str) -> Run {
        let ours = self.kaphost.command();
        let mut shell = Command::new("sh");
        shell.env_clear().envs(ours.get_envs().filter_map(|(name, value)| Some((name, value?))));
        (self.equip)(&mut shell);
        shell.current_dir(&self.folder).args(["-c", &format!("exec 2>&1; {line}")]);
        Run::within(LONGEST, &mut shell).unwrap()
    }

    /// Applies a difference: what has no sign, or `-`, stands in the file once and together.
    fn amend(&self, block: &Block<'_>) {
        let file = self.folder.join(block.file);
        let text = fs::read_to_string(&file).unwrap();
        let with = |sign: char| {
            let lines = block.text.lines().filter_map(|line| line.strip_prefix(' ').or_else(|| line.strip_prefix(sign)));
            lines.map(|line| format!("{line}\n")).collect::<String>()
        };
        let (before, after) = (with('-'), with('+'));
        assert_eq!(text.matches(&before).count(), 1, "line {}: {} does not hold this once:\n{before}", block.line, block.file);
        fs::write(&file, text.replacen(&before, &after, 1)).unwrap();
    }
}

fn blocks(document: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut open: Option<(&str, usize, usize)> = None;
    let mut at = 0;
    for (index, line) in document.split_inclusive('\n').enumerate() {
        let next = at + line.len();
        if let Some(info) = line.trim_end().strip_prefix("```") {
            open = match open {
                None => Some((info, next, index + 2)),
                Some((info, start, line)) => {
                    let (language, file) = info.split_once(' ').unwrap_or((info, ""));
                    found.push(Block { language, file, text: &document[start..at], line });
                    None
                }
            };
        }
        at = next;
    }
    assert_eq!(open, None, "a block without an end");
    found
}

/// Whether a text is what was told of it, `…` standing for anything.
fn is_told(text: &str, told: &str) -> bool {
    let mut pieces = told.split('…');
    let Some(rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    let mut rest = rest;
    for piece in middle {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn what_is_told_is_held_to_the_letter() {
    assert!(is_told("a\nb\n", "a\nb\n") && is_told("a 12 b\n", "a … b\n") && is_told("a\nb\nc\n", "a\n…") && is_told("", ""));
    assert!(is_told("x, y, z\n", "…y…\n"));
    for (text, told) in [("a\n", ""), ("a\nb\n", "a\n"), ("a 12 c\n", "a … b\n"), ("ab\n", "ab…ab\n"), ("", "a\n")] {
        assert!(!is_told(text, told), "{text:?} is not {told:?}");
    }
    let document = "a\n```kdl f.kdl\nx\n```\n\n```console\n$ y\n```\n";
    let found = blocks(document);
    assert_eq!(found[0], Block { language: "kdl", file: "f.kdl", text: "x\n", line: 3 });
    assert_eq!(found[1], Block { language: "console", file: "", text: "$ y\n", line: 7 });
}
