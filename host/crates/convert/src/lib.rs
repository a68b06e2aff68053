//! Terraform text → KDL text: what a `module` block of Gruntwork's Kapacitor module says, as a `cluster` node that means the same. And a cluster that is known by its
//! values → KDL text ([`write()`]), for a server that runs and has no file.
//!
//! Stands before the pipeline: what it writes is read by [`kaphost_spec::parse`] like any config, and it is read once here to see that it can
//! be. Arguments may be literals, or anything that the given files alone tell: variables with a value, locals, templates, a few functions.
//! Every other argument is named with its place and with what to write instead; none is guessed, and none is dropped in silence.
//!
//! Where the module's default differs from kaphost's, the module's is written out: the config means what the Terraform files mean, and a
//! comment says where kaphost's own default would be safer.
//!
//! Deliberately reads no file (`file("boot.sh")` stays the name of a file), runs no Terraform, knows no state, and converts nothing but the
//! modules `kapacitor-server` and `kapacitor-security-group-rules`.
//!
//! ```
//! use kaphost_convert::{Request, convert};
//! use kaphost_spec::{ConfigSource, NoLookup, parse};
//!
//! let text = r##"
//!     provider "aws" {
//!       region = "us-east-1"
//!     }
//!     module "kapacitor" {
//!       source        = "github.com/gruntwork-io/terraform-aws-influx//modules/kapacitor-server?ref=v0.0.2"
//!       cluster_name  = "kapacitor-stage"
//!       ami_id        = "ami-0abcd1234abcd1234"
//!       instance_type = "t3.small"
//!       vpc_id        = "vpc-0a1b2c3d"
//!       subnet_ids    = ["subnet-0aaa1111"]
//!       user_data     = "#!/bin/sh\nsystemctl start kapacitor\n"
//!     }
//! "##;
//! let conversion = convert(Request::new(vec![ConfigSource::new("main.tf", text)])).map_err(|findings| findings[0].to_string())?;
//! assert!(conversion.is_usable() && conversion.findings.is_empty());
//! let file = parse(ConfigSource::new("cluster.kdl", conversion.kdl), &NoLookup)?;
//! assert_eq!(file.specs[0].cluster.name.as_str(), "kapacitor-stage");
//! assert!(!file.specs[0].cluster.root_volume.encrypted, "as the module has it");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arguments;
mod covered;
mod duration;
mod evaluate;
mod files;
mod finding;
mod functions;
mod http;
mod kdl;
mod module;
mod server;
mod sources;
mod template;
mod uses;
mod value;
mod verify;
mod volumes;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::Span as _;
use kaphost_spec::{ConfigSource, nearest};

pub use crate::finding::{Code, Finding, Place, Severity};
pub use crate::module::{ArgumentReport, Outcome};
pub use crate::write::{Remarks, write};

use crate::arguments::{RULES, SERVER};
use crate::evaluate::Evaluator;
use crate::files::{Declarations, File};
use crate::http::{Http, Target};
use crate::kdl::{Fragment, Writer, quoted};
use crate::module::{Arguments, Log, Module};
use crate::server::Around;
use crate::value::Value;

/// The last part of the source of the module that is a server.
const SERVER_MODULE: &str = "kapacitor-server";
/// That of the module for who may call it.
const RULES_MODULE: &str = "kapacitor-security-group-rules";

/// What is to be converted.
#[derive(Debug)]
pub struct Request {
    /// The Terraform files, read as one module; those whose names end in `.tfvars` give values to variables.
    pub files: Vec<ConfigSource>,
    /// The label of the one module block to convert. `None` converts all that are servers.
    pub module: Option<String>,
    /// The region, in place of what a `provider "aws"` says.
    pub region: Option<String>,
    /// The way from the config's folder to the folder of the Terraform files, for `file("…")`. Empty where they are the same.
    pub folder: String,
}

impl Request {
    /// Everything that these files say, with the config in the same folder.
    #[must_use]
    pub const fn new(files: Vec<ConfigSource>) -> Self {
        Self { files, module: None, region: None, folder: String::new() }
    }
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// The config. Where something that a cluster needs is not known it holds a placeholder, `REPLACE-WITH-…`, which kaphost refuses.
    pub kdl: String,
    /// The labels of the module blocks that became clusters, in order.
    pub clusters: Vec<String>,
    /// Every argument of every module block that was looked at, and what became of it.
    pub arguments: Vec<ArgumentReport>,
    /// What there is to know, in the order of the files.
    pub findings: Vec<Finding>,
}

impl Conversion {
    /// Whether kaphost takes the config as it is.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }
}

/// Converts the server modules of Terraform files.
///
/// # Errors
/// What keeps anything from being converted: files that are not HCL (each of them), or no module of the kind.
pub fn convert(request: Request) -> Result<Conversion, Vec<Finding>> {
    let mut files = Vec::new();
    let mut broken = Vec::new();
    for source in request.files {
        match File::parse(source) {
            Ok(file) => files.push(file),
            Err(finding) => broken.push(finding),
        }
    }
    if !broken.is_empty() {
        return Err(broken);
    }
    let declarations = Declarations::of(&files);
    let modules: Vec<Module<'_>> = declarations.modules().into_iter().filter_map(|(file, block)| Module::of(file, block)).collect();
    let servers: Vec<&Module<'_>> = modules.iter().filter(|module| module.kind == SERVER_MODULE).collect();
    let chosen: Vec<&Module<'_>> =
        servers.iter().filter(|module| request.module.as_deref().is_none_or(|name| name == module.label)).copied().collect();
    if chosen.is_empty() {
        return Err(vec![nothing_found(&modules, &servers, request.module.as_deref())]);
    }

    let mut run = Run { declarations: &declarations, evaluator: Evaluator::new(&declarations), log: Log::default(), elsewhere: Vec::new() };
    let labels: Vec<&str> = servers.iter().map(|module| module.label).collect();
    let rules: Vec<&Module<'_>> = modules.iter().filter(|module| module.kind == RULES_MODULE).collect();
    let mut rules = run.rules(&rules, &labels, &chosen);

    let mut out = Writer::default();
    for (index, module) in chosen.iter().enumerate() {
        if index > 0 {
            out.empty_line();
        }
        let region = run.region(module, request.region.as_deref());
        let around = Around { region, folder: &request.folder, http: rules.remove(module.label) };
        server::write(&mut run.arguments(module, SERVER), around, &mut out);
    }
    for (index, comment) in run.elsewhere.iter().enumerate() {
        if index == 0 {
            out.empty_line();
        }
        out.comment(comment);
    }
    let (kdl, meanings) = out.done();
    let Log { mut findings, arguments } = run.log;
    findings.extend(verify::refused(&kdl, &meanings, chosen.first().map(|module| &module.place)));
    let start = |module: &&Module<'_>| (module.file.source.name.clone(), module.block.span().map_or(0, |span| span.start));
    let looked_at: BTreeSet<(String, usize)> =
        modules.iter().filter(|module| [SERVER_MODULE, RULES_MODULE].contains(&module.kind)).map(|module| start(&module)).collect();
    let clusters: Vec<&str> = chosen.iter().map(|module| module.label).collect();
    findings.extend(uses::of_outputs(&files, &clusters, &looked_at));
    let order: BTreeMap<&str, usize> = files.iter().enumerate().map(|(index, file)| (file.source.name.as_str(), index)).collect();
    findings.sort_by_key(|finding| {
        let place = finding.place.as_ref();
        (place.and_then(|place| order.get(place.source.name.as_str()).copied()), place.map(|place| place.span.start))
    });
    let clusters = clusters.into_iter().map(str::to_owned).collect();
    Ok(Conversion { kdl, clusters, arguments, findings })
}

/// Every argument that is known: the module's folder, the argument, and the path in a cluster that it becomes.
pub fn known_arguments() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let of = |module, table: &'static [arguments::Argument]| table.iter().map(move |argument| (module, argument.name, argument.to));
    of(SERVER_MODULE, SERVER).chain(of(RULES_MODULE, RULES))
}

struct Run<'a> {
    declarations: &'a Declarations<'a>,
    evaluator: Evaluator<'a>,
    log: Log,
    /// Comments on rules that have no place in the clusters.
    elsewhere: Vec<String>,
}

impl<'a> Run<'a> {
    fn arguments<'t>(&'t mut self, module: &'t Module<'a>, table: &'static [arguments::Argument]) -> Arguments<'t, 'a> {
        Arguments { module, table, evaluator: &mut self.evaluator, log: &mut self.log }
    }

    /// The region of a module: asked for, or its provider's.
    fn region(&mut self, module: &Module<'a>, asked_for: Option<&str>) -> Option<Fragment> {
        if let Some(region) = asked_for {
            return Some(Fragment::own(quoted(region)));
        }
        let Some(said) = self.declarations.region(module.alias()) else {
            self.log.findings.push(server::no_region(module.place.clone()));
            return None;
        };
        let problem = match self.evaluator.value(said) {
            Ok((item, _)) => match &item.value {
                Value::Text(region) => return Some(Fragment::said(quoted(region), "region", &said.place())),
                other => format!("is {}", other.kind()),
            },
            Err(open) => open.problem,
        };
        let mut finding = server::no_region(said.place());
        finding.message = format!("the region of the provider {problem}");
        self.log.findings.push(finding);
        None
    }

    /// The `http` nodes of the chosen servers by their labels.
    fn rules(&mut self, rules: &[&Module<'a>], servers: &[&str], chosen: &[&Module<'a>]) -> BTreeMap<String, Http> {
        let mut nodes: BTreeMap<String, Http> = BTreeMap::new();
        let targets: Vec<Target> = rules.iter().map(|module| http::target(&mut self.arguments(module, RULES), servers)).collect();
        for (module, target) in rules.iter().zip(targets) {
            let is_chosen = |label: &str| chosen.iter().any(|server| server.label == label);
            let (label, group) = match (target, chosen) {
                (Target::Own(label), _) if is_chosen(&label) => (label, None),
                // Those of a server that was not asked for.
                (Target::Own(_), _) => continue,
                (Target::Group(id, place), [only]) => (only.label.to_owned(), Some((id, place))),
                (Target::Group(..) | Target::Elsewhere, _) => {
                    let comment = http::elsewhere(&mut self.arguments(module, RULES), chosen.len() > 1);
                    self.elsewhere.push(comment);
                    continue;
                }
            };
            let arguments = &mut self.arguments(module, RULES);
            let node = http::read(arguments, group);
            match nodes.get_mut(&label) {
                Some(first) => first.and(arguments, node),
                None => drop(nodes.insert(label, node)),
            }
        }
        nodes
    }
}

fn nothing_found(modules: &[Module<'_>], servers: &[&Module<'_>], asked_for: Option<&str>) -> Finding {
    let labels: Vec<&str> = servers.iter().map(|module| module.label).collect();
    let (message, help) = match asked_for {
        Some(name) if !labels.is_empty() => {
            let near = nearest(name, labels.iter().copied()).map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            (format!("no module block `{name}` is a Kapacitor server"), format!("{near}There are: {}", labels.join(", ")))
        }
        _ => {
            let others: Vec<String> = modules.iter().map(|module| format!("`{}` ({})", module.label, module.kind)).collect();
            let help = if others.is_empty() {
                "name the file that holds the module block".to_owned()
            } else {
                format!("name the file that holds it; these files hold {}", others.join(", "))
            };
            (format!("no module block here has a source that ends in `{SERVER_MODULE}`"), help)
        }
    };
    Finding { code: Code::NoModule, severity: Severity::Error, message, help, argument: None, place: None }
}
