//! Security groups and their rules.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Filter, IpPermission, ResourceType, SecurityGroup, SecurityGroupRule, SecurityGroupRuleUpdate};
use kaphost_apply::{CloudError, ErrorKind};
use kaphost_plan::{Direction, NamedGroup, OWNER_TAG, ObservedRule, ObservedSecurityGroup, OtherGroup, Rule, Tags};

use super::{Ec2, filter, literal, rule, tag_specification, tags_read};

/// Both describes give at most this many in a page.
const PAGE: i32 = 1000;
impl Ec2 {
    /// Every group of the name, in whatever VPC, with its rules but not their ids.
    pub(crate) async fn security_groups(&self, name: &str) -> Result<Vec<SecurityGroup>, CloudError> {
        let pages = self.client.describe_security_groups().filters(filter("group-name", &literal(name))).into_paginator().page_size(PAGE);
        let mut items = pages.items().send();
        let mut groups = Vec::new();
        while let Some(group) = items.next().await {
            groups.push(group.map_err(self.error("DescribeSecurityGroups"))?);
        }
        Ok(groups)
    }

    /// A group by its id, with its rules; no call without one. One that is not there is none.
    pub(crate) async fn other_group(&self, id: Option<&str>) -> Result<Option<SecurityGroup>, CloudError> {
        let Some(id) = id else { return Ok(None) };
        // By a filter: asking for an id that is not there is an error.
        let answer = self.client.describe_security_groups().filters(filter("group-id", id)).send().await;
        let answer = answer.map_err(self.error("DescribeSecurityGroups"))?;
        Ok(answer.security_groups.unwrap_or_default().into_iter().find(|group| group.group_id() == Some(id)))
    }

    /// Groups by their ids, for their names; no call without any. One that is not there is left out.
    pub(crate) async fn groups_by_id(&self, ids: &[String]) -> Result<Vec<NamedGroup>, CloudError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // By a filter: asking for an id that is not there is an error.
        let by_id = Filter::builder().name("group-id").set_values(Some(ids.to_vec())).build();
        let mut items = self.client.describe_security_groups().filters(by_id).into_paginator().page_size(PAGE).items().send();
        let mut groups = Vec::new();
        while let Some(group) = items.next().await {
            let group = group.map_err(self.error("DescribeSecurityGroups"))?;
            groups.push(NamedGroup {
                id: group.group_id().unwrap_or_default().to_owned(),
                name: group.group_name().unwrap_or_default().to_owned(),
                vpc: group.vpc_id().unwrap_or_default().to_owned(),
                tags: tags_read(group.tags()),
            });
        }
        groups.sort();
        Ok(groups)
    }

    /// Every rule of these groups, whoever made it; no call without any.
    pub(crate) async fn rules_of_groups(&self, ids: &BTreeSet<String>) -> Result<Vec<SecurityGroupRule>, CloudError> {
        let each = ids.iter().map(|id| self.rules("DescribeSecurityGroupRules", "group-id", id));
        Ok(futures_util::future::try_join_all(each).await?.into_iter().flatten().collect())
    }

    /// Every rule that carries the owner's tag, of whatever group. Found by the tag, so that the group's id need not be known.
    pub(crate) async fn owned_rules(&self, cluster: &str) -> Result<Vec<SecurityGroupRule>, CloudError> {
        self.rules("DescribeSecurityGroupRules", &format!("tag:{OWNER_TAG}"), cluster).await
    }

    async fn rules(&self, operation: &str, by: &str, value: &str) -> Result<Vec<SecurityGroupRule>, CloudError> {
        let pages = self.client.describe_security_group_rules().filters(filter(by, value)).into_paginator().page_size(PAGE);
        let mut items = pages.items().send();
        let mut rules = Vec::new();
        while let Some(rule) = items.next().await {
            rules.push(rule.map_err(self.error(operation))?);
        }
        Ok(rules)
    }

    pub(crate) async fn create_security_group(&self, name: &str, description: &str, vpc: &str, tags: &Tags) -> Result<String, CloudError> {
        const OPERATION: &str = "CreateSecurityGroup";
        let call = self.client.create_security_group().group_name(name).description(description).vpc_id(vpc);
        let answer = call
            .set_tag_specifications(tag_specification(ResourceType::SecurityGroup, tags))
            .send()
            .await
            .map_err(self.error(OPERATION))?;
        answer.group_id().map(str::to_owned).ok_or_else(|| self.incomplete(OPERATION, "the id of the new group"))
    }

    /// All or none; the tags are on the rules from their first moment.
    pub(crate) async fn authorize(
        &self,
        operation: &str,
        group: &str,
        direction: Direction,
        rules: &[Rule],
        tags: &Tags,
    ) -> Result<(), CloudError> {
        let permissions = Some(rules.iter().map(rule::to_permission).collect::<Vec<IpPermission>>());
        let tags = tag_specification(ResourceType::SecurityGroupRule, tags);
        match direction {
            Direction::Ingress => {
                let call = self.client.authorize_security_group_ingress().group_id(group);
                call.set_ip_permissions(permissions).set_tag_specifications(tags).send().await.map_err(self.error(operation))?;
            }
            Direction::Egress => {
                let call = self.client.authorize_security_group_egress().group_id(group);
                call.set_ip_permissions(permissions).set_tag_specifications(tags).send().await.map_err(self.error(operation))?;
            }
        }
        Ok(())
    }

    pub(crate) async fn modify_rules(&self, group: &str, rules: &BTreeMap<String, Rule>) -> Result<(), CloudError> {
        let updates = rules
            .iter()
            .map(|(id, rule)| {
                SecurityGroupRuleUpdate::builder().security_group_rule_id(id).security_group_rule(rule::to_request(rule)).build()
            })
            .collect();
        let call = self.client.modify_security_group_rules().group_id(group).set_security_group_rules(Some(updates));
        call.send().await.map_err(self.error("ModifySecurityGroupRules"))?;
        Ok(())
    }

    pub(crate) async fn revoke(&self, operation: &str, group: &str, direction: Direction, ids: Vec<String>) -> Result<(), CloudError> {
        match direction {
            Direction::Ingress => {
                let call = self.client.revoke_security_group_ingress().group_id(group).set_security_group_rule_ids(Some(ids));
                call.send().await.map_err(self.error(operation))?;
            }
            Direction::Egress => {
                let call = self.client.revoke_security_group_egress().group_id(group).set_security_group_rule_ids(Some(ids));
                call.send().await.map_err(self.error(operation))?;
            }
        }
        Ok(())
    }

    /// AWS puts the rule into every new group, but a read just after the creation may not show it yet. Taking that for "gone" would leave the way out open to
    /// the whole world, so a rule that does not show is an error, and one that the retry table of the executor covers.
    pub(crate) async fn revoke_default_egress(&self, operation: &str, group: &str) -> Result<(), CloudError> {
        let rules = self.rules("DescribeSecurityGroupRules", "group-id", group).await?;
        let ours = |read: &SecurityGroupRule| read.tags().iter().any(|tag| tag.key() == Some(OWNER_TAG));
        let ids: Vec<String> = rules
            .iter()
            .filter(|read| rule::of_rule(read).key.is_default_egress() && !ours(read))
            .filter_map(|read| read.security_group_rule_id().map(str::to_owned))
            .collect();
        if ids.is_empty() {
            let message =
                format!("the rule of AWS that lets everything out of {group} does not show: not visible yet, or revoked by somebody else");
            return Err(CloudError { kind: ErrorKind::NotFound, operation: operation.to_owned(), code: None, message, request_id: None });
        }
        self.revoke(operation, group, Direction::Egress, ids).await
    }

    pub(crate) async fn delete_security_group(&self, id: &str) -> Result<(), CloudError> {
        self.client.delete_security_group().group_id(id).send().await.map_err(self.error("DeleteSecurityGroup"))?;
        Ok(())
    }

    /// AWS has answered well, but without what the answer is for.
    pub(super) fn incomplete(&self, operation: &str, what: &str) -> CloudError {
        CloudError {
            kind: ErrorKind::Other,
            operation: operation.to_owned(),
            code: None,
            message: format!("the answer of {} does not say {what}", self.endpoint),
            request_id: None,
        }
    }
}

/// The groups of the name, and other groups in which there are rules of ours, or which was asked for.
pub(crate) fn merge(
    groups: Vec<SecurityGroup>,
    owned: Vec<SecurityGroupRule>,
    asked: Option<SecurityGroup>,
) -> (Vec<ObservedSecurityGroup>, Vec<OtherGroup>) {
    let mut observed: Vec<ObservedSecurityGroup> = groups
        .iter()
        .map(|group| ObservedSecurityGroup {
            id: group.group_id().unwrap_or_default().to_owned(),
            vpc: group.vpc_id().unwrap_or_default().to_owned(),
            description: group.description().unwrap_or_default().to_owned(),
            tags: tags_read(group.tags()),
            rules: rules_of(group.group_id().unwrap_or_default(), Some(group), &owned),
        })
        .collect();
    observed.sort_by(|a, b| a.id.cmp(&b.id));

    let asked = asked.as_ref().and_then(|group| Some((group.group_id()?, group)));
    let ids: BTreeSet<&str> = owned.iter().filter_map(SecurityGroupRule::group_id).chain(asked.map(|(id, _)| id)).collect();
    let others = ids.into_iter().filter(|id| !observed.iter().any(|group| group.id == *id)).map(|id| {
        let read = asked.filter(|(asked, _)| *asked == id).map(|(_, group)| group);
        OtherGroup { id: id.to_owned(), rules: rules_of(id, read, &owned), read: read.is_some() }
    });
    let others = others.collect();
    (observed, others)
}

/// Puts the ids and tags of our rules to the rules of a group. What is in the group but not among ours is foreign and has no id; what is among ours but not in
/// the group (the two reads are not of one moment) counts as there.
fn rules_of(id: &str, group: Option<&SecurityGroup>, owned: &[SecurityGroupRule]) -> Vec<ObservedRule> {
    let ours = owned.iter().filter(|read| read.group_id() == Some(id)).map(|read| ObservedRule {
        id: read.security_group_rule_id().map(str::to_owned),
        rule: rule::of_rule(read),
        tags: tags_read(read.tags()),
    });
    let mut rules: Vec<ObservedRule> = ours.collect();
    if let Some(group) = group {
        let known: BTreeSet<_> = rules.iter().map(|ours| ours.rule.key.clone()).collect();
        let ingress = group.ip_permissions().iter().flat_map(|permission| rule::of_permission(Direction::Ingress, permission));
        let egress = group.ip_permissions_egress().iter().flat_map(|permission| rule::of_permission(Direction::Egress, permission));
        let foreign = ingress.chain(egress).filter(|rule| !known.contains(&rule.key));
        rules.extend(foreign.map(|rule| ObservedRule { id: None, rule, tags: Tags::new() }));
    }
    rules.sort_by(|a, b| a.rule.cmp(&b.rule));
    rules
}
