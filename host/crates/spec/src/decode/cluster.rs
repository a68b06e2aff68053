//! The names in a `cluster` node, and what becomes of them.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::section::Section;
use super::value::Value;
use super::{access, service, volume};
use crate::check::{self, Parts};
use crate::model::{
    Ami, Cluster, EgressRule, Http, Iam, InstanceMetadata, Kapacitor, Network, Rollout, Scaling, Spot, Ssh, Tag, Tenancy, Volume,
    VolumeSettings,
};
use crate::names::{ClusterName, Device, InstanceType, Region, TagKey};
use crate::secret::UserData;
use crate::{Cidr, Code, Path, Span};

/// A cluster in the making: what is required may be missing, which is reported by then.
pub(super) struct Draft {
    region: Option<Region>,
    ami: Option<Ami>,
    instance_type: Option<InstanceType>,
    network: Option<Network>,
    tenancy: Tenancy,
    ebs_optimized: Option<bool>,
    spot: Option<Spot>,
    ssh: Ssh,
    http: Http,
    egress: BTreeMap<Cidr, EgressRule>,
    metadata: InstanceMetadata,
    root_volume: VolumeSettings,
    volumes: BTreeMap<Device, Volume>,
    user_data: Option<UserData>,
    scaling: Scaling,
    rollout: Rollout,
    iam: Iam,
    tags: BTreeMap<TagKey, Tag>,
    kapacitor: Option<Kapacitor>,
}

/// Reads everything but the name. Reports what is wrong, except what must hold between values.
pub(super) fn read(section: Section<'_>) -> Draft {
    let top = &section;
    let draft = Draft {
        region: top.need("region", "say where: `region=\"us-east-1\"`", |value| value.parse(Code::InvalidRegion)),
        ami: ami(top),
        instance_type: top.need("instance-type", "add `instance-type \"t3.small\"`", |value| value.parse(Code::InvalidValue)),
        network: access::network(top),
        tenancy: top.or("tenancy", Tenancy::default(), |value| value.keyword(Tenancy::WORDS)),
        ebs_optimized: top.maybe("ebs-optimized", Value::flag),
        spot: spot(top),
        ssh: access::ssh(top),
        http: access::http(top),
        egress: access::egress(top),
        metadata: access::metadata(top),
        root_volume: volume::root(top),
        volumes: volume::further(top),
        user_data: top.maybe("user-data", user_data).flatten(),
        scaling: service::scaling(top),
        rollout: service::rollout(top),
        iam: service::iam(top),
        tags: service::tags(top),
        kapacitor: service::kapacitor(top),
    };
    section.finish();
    draft
}

impl Draft {
    /// Reports what does not hold between values. Leaves out what follows from a value that was wrong by itself.
    pub(super) fn check(&self, cx: &Context<'_>, name: Option<&ClusterName>, cluster: &Span) {
        let root = Path::root();
        let (tenancy, spot) = (root.field("tenancy"), root.field("spot"));
        if self.spot.is_some() && self.tenancy == Tenancy::Default && cx.was_said(&tenancy) && !cx.is_wrong(&tenancy) {
            let span = cx.nearest(&tenancy, cluster);
            let diagnostic = cx.diagnostic(Code::TenancyWithSpot, span, "tenancy `default` cannot be said of a spot instance");
            let diagnostic =
                diagnostic.with_label("said here").with_related(cx.nearest(&spot, cluster), "because this buys a spot instance");
            cx.report(diagnostic.with_help("leave `tenancy` out, which shares hardware, or say `dedicated`"));
        }
        let parts = Parts {
            name,
            region: self.region.as_ref(),
            ami: self.ami.as_ref(),
            network: self.network.as_ref(),
            ssh: &self.ssh,
            http: &self.http,
            egress: &self.egress,
            metadata: self.metadata,
            root_volume: &self.root_volume,
            volumes: &self.volumes,
            scaling: &self.scaling,
            rollout: &self.rollout,
            iam: &self.iam,
            tags: &self.tags,
            kapacitor: self.kapacitor.as_ref(),
        };
        for problem in check::check(&parts) {
            let other = problem.other.as_ref();
            // The device may be that of a volume whose name is wrong.
            if problem.code == Code::UnknownDevice && cx.is_wrong(&root.field("volume")) {
                continue;
            }
            if cx.is_wrong(&problem.path) || other.is_some_and(|other| cx.is_wrong(other)) {
                continue;
            }
            let span = cx.nearest(&problem.path, cluster);
            let mut diagnostic = cx.diagnostic(problem.code, span.clone(), problem.message).with_help(problem.help);
            if let Some(other) = other {
                let related = cx.nearest(other, cluster);
                if related != span {
                    diagnostic = diagnostic.with_related(related, format!("with this `{}`", last(other)));
                }
            }
            cx.report(diagnostic);
        }
    }

    /// What `defaults` alone come to, with something in place of what they leave to the clusters.
    pub(super) fn partly(mut self) -> Option<Cluster> {
        self.region = self.region.or("us-east-1".parse().ok());
        self.ami = self.ami.or("ami-00000000".parse().ok().map(Ami::Id));
        self.instance_type = self.instance_type.or("t3.small".parse().ok());
        if self.network.is_none() {
            self.network = Some(Network { vpc: "vpc-00000000".parse().ok()?, subnets: BTreeSet::new(), public_ip: false });
        }
        self.complete("defaults".parse().ok()?)
    }

    /// The cluster, when nothing that is required is missing.
    pub(super) fn complete(self, name: ClusterName) -> Option<Cluster> {
        Some(Cluster {
            name,
            region: self.region?,
            ami: self.ami?,
            instance_type: self.instance_type?,
            tenancy: self.tenancy,
            ebs_optimized: self.ebs_optimized,
            spot: self.spot,
            network: self.network?,
            ssh: self.ssh,
            http: self.http,
            egress: self.egress,
            metadata: self.metadata,
            root_volume: self.root_volume,
            volumes: self.volumes,
            user_data: self.user_data,
            scaling: self.scaling,
            rollout: self.rollout,
            iam: self.iam,
            tags: self.tags,
            kapacitor: self.kapacitor,
        })
    }
}

/// The last name or key of a path.
fn last(path: &Path) -> &str {
    path.segments().last().map_or("cluster", crate::Segment::text)
}

/// `ami "ami-…"`, `ami (ssm)"/path"`, or `ami owner="…" name="…"`.
fn ami(top: &Section<'_>) -> Option<Ami> {
    const HELP: &str = "write `ami \"ami-…\"`, `ami (ssm)\"/parameter\"`, or `ami owner=\"self\" name=\"kapacitor-*\"`";
    let section = top.replaced_section("ami");
    if !section.is_said() {
        top.missing(Code::MissingNode, "ami", HELP);
        return None;
    }
    let path = section.at.clone();
    let owner_said = section.maybe("owner", Value::text);
    let name_said = section.maybe("name", Value::text);
    let value = section.first_argument(&path);
    let looks_up = section.has("owner") || section.has("name");
    let ami = match value {
        Some(value) if looks_up => {
            let diagnostic = section.cx.diagnostic(Code::Conflict, value.span(), "`ami` names an image and looks one up too");
            let others = section.cx.nearest(&path.field(if section.has("owner") { "owner" } else { "name" }), &value.span());
            section.cx.report(diagnostic.with_label("names it").with_related(others, "looks it up").with_help(HELP));
            None
        }
        Some(value) => section.argument(0, &path, |_| id_or_parameter(&value)).ok(),
        None if looks_up => {
            for name in ["owner", "name"] {
                if !section.has(name) {
                    section.missing(Code::MissingValue, name, HELP);
                }
            }
            owner_said.zip(name_said).map(|(owner, name)| Ami::Lookup { owner, name })
        }
        None => {
            section.missing(Code::MissingValue, "an image", HELP);
            None
        }
    };
    section.finish();
    ami
}

fn id_or_parameter(value: &Value<'_>) -> Result<Ami, super::value::Wrong> {
    match value.entry.ty().map(kdl::KdlIdentifier::value) {
        Some("ssm") => value.plain_text().map(Ami::Ssm),
        Some("lookup") => Err(value.annotation("lookup", "write `ami owner=\"self\" name=\"kapacitor-*\"`")),
        _ => value.parse(Code::InvalidId).map(Ami::Id),
    }
}

fn spot(top: &Section<'_>) -> Option<Spot> {
    let section = top.optional_section("spot")?;
    let spot = Spot { max_price: section.maybe("max-price", Value::price) };
    section.finish();
    Some(spot)
}

/// `None` for empty text, as for a script that a lookup leaves empty: the Terraform module takes that for none too.
fn user_data(value: &Value<'_>) -> Result<Option<UserData>, super::value::Wrong> {
    let text = value.long_text()?;
    if text.is_empty() {
        return Ok(None);
    }
    let code = if text.len() > UserData::MAX_BYTES { Code::UserDataTooLong } else { Code::InvalidValue };
    UserData::new(text).map(Some).map_err(|invalid| value.wrong(code, &invalid.problem, invalid.help))
}
