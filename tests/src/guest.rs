//! Policies made from text, so that a test can hand kaphost any bytes at all: whatever no honest compiler would emit.
//!
//! A text is one of three things. `(component …)` and `(module …)` are taken as they stand. Everything else is a fragment: the functions that
//! make this policy different, between a prelude that makes it whole (`tests/hostile/prelude/prelude.wat` says what it offers) and the exports
//! of the world that follows from them: `$validate`, `$mutate`, `$describe`. In a fragment
//!
//! | written | stands for |
//! |---|---|
//! | `(@text "…")` | address and length of these bytes, as two constants; every escape of the text format is known |
//! | `(@offset cluster.ssh ssh.allow 4)` | where fields of the contract's records lie, and plain numbers, added up |
//! | `(@pages 700)` | nothing; the memory has this many pages at the start |
//! | `(@times 300 … times@)` | what stands there, so often |

use std::fmt::Write as _;
use std::fs;

use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::{PackageId, Resolve, SizeAlign, TypeDefKind};

use crate::Failure;
use crate::built::workspace;

const PRELUDE: &str = include_str!("../hostile/prelude/prelude.wat");
/// Where texts are put; the prelude's heap starts at 64 KiB.
const TEXTS_FROM: usize = 1_024;
const TEXTS_TO: usize = 65_536;
/// Pages of 64 KiB at the start, unless the fragment says otherwise.
const PAGES: u32 = 4;

/// Something that a policy may be told of the world, by its place in the contract's `fact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fact {
    /// The account.
    Account,
    /// The machine image.
    Ami,
    /// The subnets.
    Subnets,
    /// The VPC.
    Vpc,
}

/// A policy of this name that needs to know these, and is content with whatever they are.
///
/// # Errors
/// As [`policy()`].
pub fn content_with(name: &str, facts: &[Fact]) -> Result<Vec<u8>, Failure> {
    let mut needs = String::new();
    for fact in facts {
        // Writing into a string does not fail.
        let _ = write!(needs, "\\{:02x}", *fact as u8);
    }
    policy(&format!(
        r#"
(func $describe (result i32)
  (local $at i32)
  (local.set $at (call $described (@text "{name}") (@text "1.0.0") (@text "Needs facts.") (@text "r") (@text "It holds.")))
  (call $put (i32.add (local.get $at) (i32.const (@offset description.needs))) (@text "{needs}"))
  (local.get $at))
"#
    ))
}

/// Makes the bytes of a policy from its text.
///
/// # Errors
/// When the text is no WebAssembly text, names what the contract does not have, or does not fit its world.
pub fn policy(text: &str) -> Result<Vec<u8>, Failure> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with(";;")).map(|line| format!("{line}\n")).collect();
    let code = repeated(code)?;
    if code.trim_start().starts_with("(component") || code.trim_start().starts_with("(module") {
        return wat::parse_str(&code).map_err(Failure::while_doing("reading WebAssembly text"));
    }
    let contract = Contract::read()?;
    let has = |function: &str| code.contains(&format!("(func ${function} "));
    let world = match (has("validate"), has("mutate")) {
        (true, true) => "policy",
        (false, true) => "mutator",
        (_, false) => "validator",
    };
    let mut whole = format!("{PRELUDE}\n{code}\n");
    if !has("describe") {
        whole += "(func $describe (result i32) (call $described (@text \"test-policy\") (@text \"1.2.3\") (@text \"A test.\") (@text \"r\") (@text \"It holds.\")))\n";
    }
    if world == "validator" && !has("validate") {
        whole += "(func $validate (param $cluster i32) (result i32) (call $pass))\n";
    }
    whole += "(export \"kaphost:policy/metadata@0.1.0#describe\" (func $describe))\n";
    if world != "mutator" {
        whole += "(export \"kaphost:policy/validating@0.1.0#validate\" (func $validate))\n";
    }
    if world != "validator" {
        whole += "(export \"kaphost:policy/mutating@0.1.0#mutate\" (func $mutate))\n";
    }
    let module = Expansion::of(&contract, &whole)?;
    contract.component(world, &module)
}

/// A text with everything that is to stand there several times, from the inside out.
fn repeated(mut text: String) -> Result<String, Failure> {
    while let Some(at) = text.rfind("(@times ") {
        let parts = text[at + "(@times ".len()..].split_once(' ').and_then(|(count, rest)| {
            let (body, after) = rest.split_once("times@)")?;
            Some((count.parse().ok()?, body, after))
        });
        let (count, body, after) = parts.ok_or_else(|| Failure::new("no number behind (@times, or no times@)"))?;
        text = format!("{}{}{after}", &text[..at], body.repeat(count));
    }
    Ok(text)
}

/// The contract, as kaphost's own sources have it.
struct Contract {
    resolve: Resolve,
    package: PackageId,
}

impl Contract {
    fn read() -> Result<Self, Failure> {
        let file = workspace().join("wit/policy.wit");
        let text = fs::read_to_string(&file).map_err(Failure::while_doing(format!("reading {}", file.display())))?;
        let mut resolve = Resolve::default();
        let package = resolve.push_str("policy.wit", &text).map_err(Failure::while_doing("reading the contract"))?;
        Ok(Self { resolve, package })
    }

    fn component(&self, world: &str, module: &str) -> Result<Vec<u8>, Failure> {
        let world = self.resolve.select_world(&[self.package], Some(world)).map_err(Failure::while_doing("finding the world"))?;
        let mut module = wat::parse_str(module).map_err(Failure::while_doing("reading a fragment between its prelude and its exports"))?;
        wit_component::embed_component_metadata(&mut module, &self.resolve, world, StringEncoding::UTF8)
            .map_err(Failure::while_doing("adding the contract's types"))?;
        let mut encoder = ComponentEncoder::default();
        encoder
            .validate(true)
            .module(&module)
            .and_then(ComponentEncoder::encode)
            .map_err(|error| Failure::new(format!("the module does not fit its world: {error:#}")))
    }

    /// Where a field of a record lies; `*` is what comes after the last, which is the size of the record.
    fn layout(&self, record: &str, field: &str) -> Option<usize> {
        let mut sizes = SizeAlign::default();
        sizes.fill(&self.resolve);
        let types = *self.resolve.packages[self.package].interfaces.get("types")?;
        let id = *self.resolve.interfaces[types].types.get(record)?;
        let TypeDefKind::Record(ty) = &self.resolve.types[id].kind else { return None };
        let size = sizes.size(&wit_parser::Type::Id(id)).size_wasm32();
        if field == "*" {
            return Some(size);
        }
        let mut offsets = sizes.field_offsets(ty.fields.iter().map(|field| &field.ty)).into_iter().zip(&ty.fields);
        offsets.find(|(_, known)| known.name == field).map(|((at, _), _)| at.size_wasm32())
    }
}

/// A fragment on its way to a module.
struct Expansion<'a> {
    contract: &'a Contract,
    out: String,
    data: String,
    next: usize,
    pages: u32,
}

impl<'a> Expansion<'a> {
    fn of(contract: &'a Contract, text: &str) -> Result<String, Failure> {
        let mut expansion = Self { contract, out: String::new(), data: String::new(), next: TEXTS_FROM, pages: PAGES };
        let mut rest = text;
        while let Some(at) = rest.find("(@") {
            expansion.out.push_str(&rest[..at]);
            rest = expansion.one(&rest[at + 2..])?;
        }
        expansion.out.push_str(rest);
        if expansion.next > TEXTS_TO {
            return Err(Failure::new("the texts of a fragment run into its heap"));
        }
        let Self { out, data, pages, .. } = expansion;
        // Imports come first in a module: the prelude starts with them.
        Ok(format!("(module\n{out}\n(memory (export \"memory\") {pages})\n{data})"))
    }

    /// Expands one annotation whose `(@` has been read; what comes after it.
    fn one<'b>(&mut self, text: &'b str) -> Result<&'b str, Failure> {
        let wrong = || Failure::new(format!("no annotation that is known: (@{}", text.lines().next().unwrap_or_default()));
        if let Some(literal) = text.strip_prefix("text \"") {
            let end = end_of_literal(literal).ok_or_else(wrong)?;
            let length = bytes_of_literal(&literal[..end]).ok_or_else(wrong)?;
            let _ = writeln!(self.data, "(data (i32.const {}) \"{}\")", self.next, &literal[..end]);
            let _ = write!(self.out, "(i32.const {}) (i32.const {length})", self.next);
            self.next += length.next_multiple_of(4);
            return literal[end + 1..].trim_start().strip_prefix(')').ok_or_else(wrong);
        }
        let (words, after) = text.split_once(')').ok_or_else(wrong)?;
        let (name, arguments) = words.split_once(' ').ok_or_else(wrong)?;
        match name {
            "pages" => self.pages = arguments.trim().parse().map_err(|_| wrong())?,
            "offset" => {
                let mut sum = 0;
                for term in arguments.split_whitespace() {
                    sum += match term.split_once('.') {
                        Some((record, field)) => self.contract.layout(record, field).ok_or_else(wrong)?,
                        None => term.parse().map_err(|_| wrong())?,
                    };
                }
                let _ = write!(self.out, "{sum}");
            }
            _ => return Err(wrong()),
        }
        Ok(after)
    }
}

/// The place of the quote that ends a literal.
fn end_of_literal(literal: &str) -> Option<usize> {
    let mut escaped = false;
    literal.char_indices().find_map(|(at, letter)| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends.then_some(at)
    })
}

/// How many bytes a literal stands for.
fn bytes_of_literal(literal: &str) -> Option<usize> {
    let mut count = 0;
    let mut letters = literal.chars();
    while let Some(letter) = letters.next() {
        count += match letter {
            '\\' => match letters.next()? {
                't' | 'n' | 'r' | '"' | '\'' | '\\' => 1,
                'u' => {
                    let digits: String = letters.by_ref().skip(1).take_while(|letter| *letter != '}').collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?.len_utf8()
                }
                // Two hexadecimal digits are one byte.
                _ => letters.next().map(|_| 1)?,
            },
            letter => letter.len_utf8(),
        };
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_end_and_count_as_the_text_format_says() {
        assert_eq!(end_of_literal(r#"a\"b\\" c"#), Some(6));
        assert_eq!(end_of_literal("no end"), None);
        assert_eq!(bytes_of_literal(r#"a\"\\\n\1b\u{202e}é"#), Some(1 + 1 + 1 + 1 + 1 + 3 + 2));
        assert_eq!(bytes_of_literal(r"\u{110000}"), None);
    }

    #[test]
    fn what_stands_there_so_often_may_hold_more_of_the_kind() {
        let repeated = |text: &str| repeated(text.to_owned());
        assert_eq!(repeated("a (@times 2 b(@times 3 ctimes@)times@) d (@times 0 etimes@)").unwrap(), "a bcccbccc d ");
        assert!(repeated("(@times 2 b").is_err() && repeated("(@times b times@)").is_err());
    }

    #[test]
    fn fragments_become_components_of_the_world_that_they_export() {
        let with = |text: &str| policy(text).map(|bytes| bytes.starts_with(b"\0asm\x0d\0\x01\0"));
        assert_eq!(with(""), Ok(true));
        assert_eq!(with("(func $mutate (param $cluster i32) (result i32) (call $keep (local.get $cluster)))"), Ok(true));
        assert_eq!(policy("(module)").unwrap(), b"\0asm\x01\0\0\0");
        for wrong in ["(@offset cluster.colour)", "(@text \"a)", "(@zzz 1)", "(func $validate (result i32))", "(component"] {
            assert!(policy(wrong).is_err(), "{wrong}");
        }
    }
}
