//! What the world says against a plan.

use std::collections::BTreeSet;

use kaphost_spec::Path;
use serde::Serialize;

use super::{Asked, Quota, Wanted, World, architecture_by_name};
use crate::plan::{Refusal, RefusalCode};
use crate::resource::Kind;

/// Everything that was found at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    /// AWS would refuse the plan.
    pub refusals: Vec<Refusal>,
    /// AWS would take it, and it is not what most people want; or it could not be found out.
    pub warnings: Vec<Warning>,
}

/// What is odd, and keeps nothing from being done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Warning {
    /// Stable.
    pub code: WarningCode,
    /// What is odd.
    pub message: String,
    /// What to do.
    pub help: String,
    /// The config path that it comes from.
    pub path: Option<String>,
}

/// Every kind of warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WarningCode {
    /// All subnets are in one zone.
    OneZone,
    /// The instance type is not offered in every zone of the subnets.
    NotInEveryZone,
    /// A subnet has no address left.
    NoFreeAddress,
    /// AWS did not answer a question.
    NotChecked,
}

/// Holds what is wanted against the world, as far as the world was asked.
#[must_use]
pub fn judge(wanted: Wanted<'_>, world: &World) -> Preflight {
    let mut judge = Judge { wanted, found: Preflight::default() };
    judge.instance_type(world);
    judge.subnets(world);
    judge.key(&world.key);
    judge.groups(&world.groups);
    judge.quotas(world);
    judge.found
}

struct Judge<'a> {
    wanted: Wanted<'a>,
    found: Preflight,
}

impl Judge<'_> {
    fn refuse(&mut self, code: RefusalCode, resource: Kind, message: String, help: impl Into<String>, path: Option<String>) {
        self.found.refusals.push(Refusal { code, resource, message, help: help.into(), path });
    }

    fn warn(&mut self, code: WarningCode, message: String, help: &str, path: Option<String>) {
        self.found.warnings.push(Warning { code, message, help: help.to_owned(), path });
    }

    /// What an answer says. A question without an answer is said, once for each.
    fn answer<'b, T>(&mut self, asked: &'b Asked<T>, what: &str) -> Option<&'b T> {
        match asked {
            Asked::No => None,
            Asked::Is(answer) => Some(answer),
            Asked::Unanswered(why) => {
                let help = "AWS says it when the plan is carried out; the caller's permissions may lack this one read";
                self.warn(WarningCode::NotChecked, format!("{what} could not be checked: {why}"), help, None);
                None
            }
        }
    }

    fn instance_type(&mut self, world: &World) {
        let Some(name) = self.wanted.inquiry.instance_type.as_deref() else { return };
        let region = &self.wanted.desired.names.region;
        let path = Some("instance-type".to_owned());
        let by_name = || architecture_by_name(name).map(|architecture| BTreeSet::from([architecture.to_owned()]));
        let architectures = match self.answer(&world.instance_type, "the instance type") {
            Some(None) => {
                let help = "check its name and the region: not every type is in every region";
                let message = format!("there is no instance type {name} in {region}");
                return self.refuse(RefusalCode::NoInstanceType, Kind::LaunchTemplate, message, help, path);
            }
            Some(Some(known)) => {
                if self.wanted.desired.template.ebs_optimized == Some(true) && known.ebs_optimized == Some(false) {
                    let help = "take `ebs-optimized` out, or choose another instance type";
                    let message = format!("{name} cannot be EBS-optimised");
                    self.refuse(RefusalCode::NotEbsOptimized, Kind::LaunchTemplate, message, help, Some("ebs-optimized".to_owned()));
                }
                Some(known.architectures.clone())
            }
            // Nobody asked, or AWS did not say: then its name does, for no call.
            None => by_name(),
        };
        let (Some(image), Some(architectures)) = (self.wanted.image, architectures) else { return };
        if !image.architecture.is_empty() && !architectures.contains(&image.architecture) {
            let runs = architectures.into_iter().collect::<Vec<_>>().join(" and ");
            let message = format!("the image {} is made for {}, and {name} runs {runs}", image.id, image.architecture);
            let help = format!("choose an image for {runs}, or another instance type");
            self.refuse(RefusalCode::OtherArchitecture, Kind::LaunchTemplate, message, help, path);
        }
    }

    fn subnets(&mut self, world: &World) {
        let Some(there) = self.answer(&world.subnets, "the subnets") else { return };
        let (vpc, region) = (&self.wanted.desired.vpc, &self.wanted.desired.names.region);
        let path = |id: &str| Some(Path::root().field("network").field("subnets").key(id).to_string());
        for id in &self.wanted.inquiry.subnets {
            match there.get(id) {
                None => {
                    let message = format!("there is no subnet {id} in {region}");
                    let help = "check its id, the region and the account";
                    self.refuse(RefusalCode::SubnetMissing, Kind::AutoScalingGroup, message, help, path(id));
                }
                Some(subnet) if !subnet.vpc.is_empty() && subnet.vpc != *vpc => {
                    let message = format!("the subnet {id} is in {}, and the cluster in {vpc}", subnet.vpc);
                    let help = "name subnets of the cluster's VPC, or the VPC of the subnets";
                    self.refuse(RefusalCode::SubnetElsewhere, Kind::AutoScalingGroup, message, help, path(id));
                }
                Some(subnet) if subnet.free == Some(0) => {
                    let help = "no server can start there until addresses are free: name further subnets";
                    self.warn(WarningCode::NoFreeAddress, format!("the subnet {id} has no free address"), help, path(id));
                }
                Some(_) => {}
            }
        }
        let zones: BTreeSet<&String> =
            self.wanted.inquiry.subnets.iter().filter_map(|id| there.get(id)).map(|subnet| &subnet.zone).collect();
        let all_there = self.wanted.inquiry.subnets.iter().all(|id| there.contains_key(id));
        if let (true, 1, Some(zone)) = (all_there, zones.len(), zones.first()) {
            let message = format!("every subnet is in {zone}: when that zone fails, so does the server, and nothing heals it");
            self.warn(WarningCode::OneZone, message, "name subnets of at least two zones", Some("network.subnets".to_owned()));
        }
        self.offered(world, &zones);
    }

    /// Whether the instance type is to be had where the subnets are.
    fn offered(&mut self, world: &World, zones: &BTreeSet<&String>) {
        let Some(name) = self.wanted.inquiry.instance_type.as_deref() else { return };
        let Some(offered) = self.answer(&world.zones, "the zones of the instance type") else { return };
        let lacking: Vec<&str> = zones.iter().filter(|zone| !offered.contains(**zone)).map(|zone| zone.as_str()).collect();
        // A type that is nowhere is said as such.
        if lacking.is_empty() || offered.is_empty() {
            return;
        }
        let where_it_is = offered.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let path = Some("instance-type".to_owned());
        if lacking.len() == zones.len() {
            let message = format!("{name} is offered in none of the subnets' zones ({})", lacking.join(", "));
            let help = format!("choose another instance type, or subnets in {where_it_is}");
            self.refuse(RefusalCode::NotOffered, Kind::AutoScalingGroup, message, help, path);
        } else {
            let message = format!("{name} is not offered in {}: the server cannot be healed there", lacking.join(", "));
            self.warn(WarningCode::NotInEveryZone, message, "choose another instance type, or other subnets", path);
        }
    }

    fn key(&mut self, asked: &Asked<bool>) {
        let Some(name) = self.wanted.inquiry.key.as_deref() else { return };
        if self.answer(asked, "the key pair") == Some(&false) {
            let region = &self.wanted.desired.names.region;
            let message = format!("there is no key pair {name} in {region}");
            let help = "check its name and the region, import it, or take `key` out";
            self.refuse(RefusalCode::KeyMissing, Kind::LaunchTemplate, message, help, Some("ssh.key".to_owned()));
        }
    }

    fn groups(&mut self, asked: &Asked<BTreeSet<String>>) {
        let Some(there) = self.answer(asked, "the security groups that rules name") else { return };
        let desired = self.wanted.desired;
        let elsewhere = desired.elsewhere.as_ref().map(|elsewhere| &elsewhere.rules.paths);
        for id in self.wanted.inquiry.groups.iter().filter(|id| !there.contains(*id)) {
            let paths = desired.rules.paths.iter().chain(elsewhere.into_iter().flatten());
            let named = paths.filter(|(key, _)| matches!(&key.peer, crate::resource::Peer::SecurityGroup(peer) if peer == id));
            let path = named.map(|(_, path)| path.to_string()).next();
            let message = format!("there is no security group {id} in {}", desired.names.region);
            let help = "check its id, the region and the account: a rule can name groups that are there, and no others";
            self.refuse(RefusalCode::PeerMissing, Kind::SecurityGroupRule, message, help, path);
        }
    }

    fn quotas(&mut self, world: &World) {
        if let Some(quota) = self.answer(&world.auto_scaling_groups, "the number of Auto Scaling groups") {
            self.quota(*quota, Kind::AutoScalingGroup, "Auto Scaling groups in this region");
        }
        if let Some(iam) = self.answer(&world.iam, "the numbers of roles and instance profiles") {
            self.quota(iam.roles, Kind::Role, "IAM roles");
            self.quota(iam.instance_profiles, Kind::InstanceProfile, "instance profiles");
        }
    }

    fn quota(&mut self, Quota { used, most }: Quota, resource: Kind, what: &str) {
        if used >= most {
            let message = format!("the account has {used} {what} and may have {most}");
            let help = "ask AWS for more with Service Quotas, or remove what is not needed";
            self.refuse(RefusalCode::QuotaReached, resource, message, help, None);
        }
    }
}
