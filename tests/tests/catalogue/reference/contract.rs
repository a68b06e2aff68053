//! The contract as a page: every world, interface, function and type of `wit/policy.wit`, in its order and its words.

use std::fmt::Write as _;
use std::path::Path;

use wit_parser::{Docs, Function, InterfaceId, PackageId, Resolve, Type, TypeDef, TypeDefKind, WorldItem};

use super::cell;

/// The page.
pub(crate) fn page() -> String {
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let (package, _) = resolve.push_dir(&wit).unwrap();
    let contract = Contract { resolve: &resolve, package };
    let mut page = format!(
        "# The contract, for reference\n\n`{}`, written from [`wit/policy.wit`](../../wit/policy.wit); a test holds it to it. How it is versioned: [`wit`](../../wit/README.md). How a policy \
         is written: [`guest-policies`](../../guest-policies/README.md).\n",
        resolve.packages[package].name
    );
    let all = &resolve.packages[package];
    paragraphs(&mut page, &all.docs, "##");
    page.push_str("\n## The worlds, one by one\n");
    for id in all.worlds.values() {
        contract.world(&mut page, *id);
    }
    for id in all.interfaces.values() {
        contract.interface(&mut page, *id);
    }
    page
}

struct Contract<'a> {
    resolve: &'a Resolve,
    package: PackageId,
}

/// Documentation as it stands, its headings below the page's own.
fn paragraphs(page: &mut String, docs: &Docs, heading: &str) {
    let Some(text) = &docs.contents else { return };
    page.push('\n');
    for line in text.trim_end().lines() {
        match line.strip_prefix("# ") {
            Some(title) => writeln!(page, "{heading} {title}").unwrap(),
            None => writeln!(page, "{}", line.trim_end()).unwrap(),
        }
    }
}

fn words(docs: &Docs) -> String {
    cell(docs.contents.as_deref().unwrap_or_default())
}

impl Contract<'_> {
    fn world(&self, page: &mut String, id: wit_parser::WorldId) {
        let world = &self.resolve.worlds[id];
        write!(page, "\n### World `{}`\n", world.name).unwrap();
        paragraphs(page, &world.docs, "####");
        let names = |items: Vec<&WorldItem>| {
            let name = |item: &WorldItem| match item {
                WorldItem::Interface { id, .. } => {
                    self.resolve.interfaces[*id].name.clone().map(|name| format!("[`{name}`](#interface-{name})"))
                }
                WorldItem::Function(function) => Some(format!("`{}`", function.name)),
                WorldItem::Type { .. } => None,
            };
            items.into_iter().filter_map(name).collect::<Vec<_>>().join(", ")
        };
        writeln!(page, "\nImports {}. Exports {}.", names(world.imports.values().collect()), names(world.exports.values().collect()))
            .unwrap();
    }

    fn interface(&self, page: &mut String, id: InterfaceId) {
        let interface = &self.resolve.interfaces[id];
        write!(page, "\n## Interface `{}`\n", interface.name.as_deref().unwrap_or_default()).unwrap();
        paragraphs(page, &interface.docs, "###");
        for function in interface.functions.values() {
            self.function(page, function);
        }
        for id in interface.types.values() {
            let def = &self.resolve.types[*id];
            // What is only used here is told where it is from.
            if let TypeDefKind::Type(Type::Id(other)) = def.kind
                && self.resolve.types[other].owner != def.owner
            {
                continue;
            }
            self.type_def(page, def);
        }
    }

    fn function(&self, page: &mut String, function: &Function) {
        let parameters: Vec<String> = function.params.iter().map(|param| format!("{}: {}", param.name, self.plain(&param.ty))).collect();
        let result = function.result.as_ref().map_or_else(String::new, |result| format!(" -> {}", self.plain(result)));
        write!(page, "\n### `{}`\n\n```wit\n{}: func({}){result};\n```\n", function.name, function.name, parameters.join(", ")).unwrap();
        paragraphs(page, &function.docs, "####");
    }

    fn type_def(&self, page: &mut String, def: &TypeDef) {
        let name = def.name.as_deref().unwrap_or_default();
        let kind = match &def.kind {
            TypeDefKind::Type(_) | TypeDefKind::List(_) | TypeDefKind::Option(_) | TypeDefKind::Tuple(_) | TypeDefKind::Result(_) => "type",
            other => other.as_str(),
        };
        write!(page, "\n### {} `{name}`\n", kind.replacen(|first: char| first.is_ascii(), &kind[..1].to_uppercase(), 1)).unwrap();
        paragraphs(page, &def.docs, "####");
        match &def.kind {
            TypeDefKind::Record(record) => {
                page.push_str("\n| field | type | |\n|---|---|---|\n");
                for field in &record.fields {
                    writeln!(page, "| `{}` | {} | {} |", field.name, self.linked(&field.ty), words(&field.docs)).unwrap();
                }
            }
            TypeDefKind::Variant(variant) => {
                page.push_str("\n| case | holds | |\n|---|---|---|\n");
                for case in &variant.cases {
                    let holds = case.ty.as_ref().map_or_else(String::new, |ty| self.linked(ty));
                    writeln!(page, "| `{}` | {holds} | {} |", case.name, words(&case.docs)).unwrap();
                }
            }
            TypeDefKind::Enum(of) => {
                page.push_str("\n| case | |\n|---|---|\n");
                for case in &of.cases {
                    writeln!(page, "| `{}` | {} |", case.name, words(&case.docs)).unwrap();
                }
            }
            TypeDefKind::Flags(flags) => {
                page.push_str("\n| flag | |\n|---|---|\n");
                for flag in &flags.flags {
                    writeln!(page, "| `{}` | {} |", flag.name, words(&flag.docs)).unwrap();
                }
            }
            other => writeln!(page, "\nIs {}.", self.shape(other, &|ty| self.linked(ty))).unwrap(),
        }
    }

    /// A type as WIT spells it.
    fn plain(&self, ty: &Type) -> String {
        self.spelt(ty, &|ty| self.plain(ty), &str::to_owned)
    }

    /// The same, each name a link to where it is told.
    fn linked(&self, ty: &Type) -> String {
        self.spelt(ty, &|ty| self.linked(ty), &|name| format!("`{name}`"))
    }

    fn spelt(&self, ty: &Type, inner: &dyn Fn(&Type) -> String, built_in: &dyn Fn(&str) -> String) -> String {
        let Type::Id(id) = ty else {
            return built_in(match ty {
                Type::Bool => "bool",
                Type::U8 => "u8",
                Type::U16 => "u16",
                Type::U32 => "u32",
                Type::U64 => "u64",
                Type::S8 => "s8",
                Type::S16 => "s16",
                Type::S32 => "s32",
                Type::S64 => "s64",
                Type::F32 => "f32",
                Type::F64 => "f64",
                Type::Char => "char",
                Type::String => "string",
                Type::ErrorContext | Type::Id(_) => "error-context",
            });
        };
        let def = &self.resolve.types[*id];
        let Some(name) = &def.name else { return self.shape(&def.kind, inner) };
        // A name that is used elsewhere is the same type as where it was made.
        let mut origin = def;
        while let TypeDefKind::Type(Type::Id(other)) = origin.kind {
            origin = &self.resolve.types[other];
        }
        let is_ours = |owner: &TypeDef| matches!(owner.owner, wit_parser::TypeOwner::Interface(id) if self.resolve.interfaces[id].package == Some(self.package));
        if built_in("x") == "x" || !is_ours(origin) {
            return built_in(name);
        }
        let kind = match &origin.kind {
            TypeDefKind::Type(_) | TypeDefKind::List(_) | TypeDefKind::Option(_) | TypeDefKind::Tuple(_) | TypeDefKind::Result(_) => "type",
            other => other.as_str(),
        };
        format!("[`{name}`](#{kind}-{})", origin.name.as_deref().unwrap_or(name))
    }

    fn shape(&self, kind: &TypeDefKind, of: &dyn Fn(&Type) -> String) -> String {
        // On the page, what looks like a tag of HTML is none.
        let open = if of(&Type::Bool) == "bool" { "<" } else { "\\<" };
        let maybe = |ty: &Option<Type>| ty.as_ref().map_or_else(|| "_".to_owned(), of);
        match kind {
            TypeDefKind::Option(ty) => format!("option{open}{}>", of(ty)),
            TypeDefKind::List(ty) => format!("list{open}{}>", of(ty)),
            TypeDefKind::Result(result) => format!("result{open}{}, {}>", maybe(&result.ok), maybe(&result.err)),
            TypeDefKind::Tuple(tuple) => format!("tuple{open}{}>", tuple.types.iter().map(of).collect::<Vec<_>>().join(", ")),
            TypeDefKind::Type(ty) => of(ty),
            other => other.as_str().to_owned(),
        }
    }
}
