//! All reads of one cluster, side by side.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::SecurityGroupRule;
use kaphost_apply::CloudError;
use kaphost_plan::{ImageAnswer, ImageGap, Observed, Query};
use kaphost_spec::Ami;
use kaphost_spec::facts::{AmiFacts, Facts, FactsQuery};

use crate::Aws;

/// Rules that were read because of their group come to those that carry our tag.
fn with_all(mut owned: Vec<SecurityGroupRule>, all: Vec<SecurityGroupRule>) -> Vec<SecurityGroupRule> {
    let known: BTreeSet<String> = owned.iter().filter_map(|rule| rule.security_group_rule_id().map(str::to_owned)).collect();
    owned.extend(all.into_iter().filter(|rule| rule.security_group_rule_id().is_none_or(|id| !known.contains(id))));
    owned
}

impl Aws {
    /// Seven reads at once. An image is an eighth (a parameter that names one, a ninth after it), a group of others one more, the policies of the role two and one
    /// for each document. Apart from the image of a parameter, and policies that nobody asked for, none waits for another.
    pub(crate) async fn read(&self, query: &Query) -> Result<Observed, CloudError> {
        let names = &query.names;
        let (groups, rules, all_rules, other, template, versions, image, role, profile, group) = tokio::join!(
            self.ec2.security_groups(names.security_group()),
            self.ec2.owned_rules(&names.cluster),
            self.ec2.rules_of_groups(&query.rule_ids_of),
            self.ec2.other_group(query.group.as_deref()),
            self.ec2.launch_template(&names.regional),
            self.ec2.launch_template_versions(&names.regional),
            self.image(query.image.as_ref()),
            self.iam.role(query),
            self.iam.instance_profile(names.instance_profile()),
            self.autoscaling.group(names.group()),
        );
        let (security_groups, other_groups) = crate::ec2::security_group::merge(groups?, with_all(rules?, all_rules?), other?);
        Ok(Observed {
            security_groups,
            other_groups,
            role: role?,
            instance_profile: profile?,
            launch_template: crate::ec2::launch_template::with_versions(template?, versions?),
            auto_scaling_group: group?,
            image: image?,
        })
    }

    /// As many reads as kinds of facts are asked for. None waits for another, but that for an image which a parameter names.
    pub(crate) async fn read_facts(&self, query: &FactsQuery) -> Result<Facts, CloudError> {
        let (account, ami, subnets, vpc) = tokio::join!(
            self.sts.account(query.account),
            self.image_facts(query.ami.as_ref()),
            self.ec2.subnet_facts(&query.subnets),
            self.ec2.vpc_facts(query.vpc.as_ref()),
        );
        Ok(Facts { account: account?, ami: ami?, subnets: subnets?, vpc: vpc? })
    }

    async fn image_facts(&self, ami: Option<&Ami>) -> Result<Option<AmiFacts>, CloudError> {
        let Some(Ami::Ssm(parameter)) = ami else { return self.ec2.image_facts(ami).await };
        // A parameter that is not there, or names no image, is no image: the plan says which it is.
        match self.ssm.parameter(parameter).await?.and_then(|id| id.parse().ok()) {
            Some(id) => self.ec2.image_facts(Some(&Ami::Id(id))).await,
            None => Ok(None),
        }
    }

    /// The image that a config means; no call without one.
    async fn image(&self, ami: Option<&Ami>) -> Result<ImageAnswer, CloudError> {
        match ami {
            None => Ok(ImageAnswer::NotAsked),
            Some(Ami::Id(id)) => self.ec2.image(id.as_str()).await,
            Some(Ami::Lookup { owner, name }) => self.ec2.newest_image(owner, name).await,
            Some(Ami::Ssm(name)) => match self.ssm.parameter(name).await? {
                None => Ok(ImageAnswer::Missing(ImageGap::NoParameter)),
                Some(value) if !value.starts_with("ami-") => Ok(ImageAnswer::Missing(ImageGap::NotAnId(value))),
                Some(id) => self.ec2.image(&id).await,
            },
        }
    }
}
