//! A server that somebody else has made, as the Terraform module makes it: names with a suffix, a launch configuration, nothing tagged.

use std::collections::{BTreeMap, BTreeSet};

use kaphost_apply::{CloudError, ErrorKind};
use kaphost_plan::{Direction, GroupSettings, GroupTag, Output, Rule, Tags, TemplateContent};

use crate::Lab;
use crate::refuse::refuse;
use crate::state::{LaunchConfiguration, ScalingGroup, Template, TemplateVersion};

/// Such a server in the making.
#[derive(Clone, Debug)]
pub struct Handmade {
    /// What the others are called after.
    pub name: String,
    /// Behind the name of all but the group.
    pub suffix: String,
    /// The name of the Auto Scaling group.
    pub group: String,
    /// Where it lives.
    pub vpc: String,
    /// Where it lives.
    pub subnets: BTreeSet<String>,
    /// What the server is. Security group and instance profile are filled in.
    pub content: TemplateContent<String>,
    /// Launched from version 1 of a launch template, which the group follows as `$Latest`, and not from a launch configuration.
    pub from_template: bool,
    /// Of the security group, besides the one that AWS puts there.
    pub rules: Vec<Rule>,
    /// Of the Auto Scaling group.
    pub tags: BTreeMap<String, GroupTag>,
    /// The path of the instance profile.
    pub profile_path: String,
    /// Seconds.
    pub grace_period_s: u32,
}

impl Lab {
    /// Makes it, with its instance in service; gives the instance's id.
    ///
    /// # Errors
    /// When a name is taken, or the lab's file cannot be used.
    pub fn make_server(&self, server: &Handmade) -> Result<String, CloudError> {
        self.aside("make a server", |world| {
            let Handmade { name, suffix, vpc, .. } = server;
            let description = format!("Security group for the {name} launch configuration");
            let none = Tags::new();
            let Output::SecurityGroup(id) = world.create_security_group(&format!("{name}-{suffix}"), &description, vpc, &none)? else {
                return refuse(ErrorKind::Service, "InternalError", "a group without an id");
            };
            world.region.security_groups.entry(id.clone()).and_modify(|group| group.unseen = 0);
            for direction in [Direction::Ingress, Direction::Egress] {
                let rules: Vec<Rule> = server.rules.iter().filter(|rule| rule.key.direction == direction).cloned().collect();
                if !rules.is_empty() {
                    world.authorize(&id, direction, &rules, &none)?;
                }
            }
            let global = format!("{name}{suffix}");
            let statement =
                serde_json::json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "ec2.amazonaws.com" } });
            let trust = serde_json::json!({ "Version": "2012-10-17", "Statement": [statement] });
            world.create_role(&global, "/", "", &trust, None, &none)?;
            world.create_instance_profile(&global, &server.profile_path, &none)?;
            world.add_role(&global, &global)?;
            let content = TemplateContent { instance_profile: global, security_groups: vec![id], ..server.content.clone() };
            let launch = format!("{name}-{suffix}");
            if server.from_template {
                // Not by the call of kaphost's, which says outright what this one leaves to AWS.
                let version = TemplateVersion { description: String::new(), content, token: String::new() };
                let template = Template { name: launch.clone(), tags: Tags::new(), latest: 1, versions: [(1, version)].into() };
                let id = world.new_id("lt-");
                world.region.launch_templates.insert(id, template);
            } else {
                world.region.launch_configurations.insert(launch.clone(), LaunchConfiguration { content });
            }
            let group = ScalingGroup {
                settings: GroupSettings {
                    launch_template: if server.from_template { launch.clone() } else { String::new() },
                    template_version: 0,
                    subnets: server.subnets.clone(),
                    min: 1,
                    max: 1,
                    desired: 1,
                    health_check: "EC2".to_owned(),
                    grace_period_s: server.grace_period_s,
                    warmup_s: 0,
                    termination_policies: vec!["Default".to_owned()],
                    maintenance: None,
                    deletion_protection: "none".to_owned(),
                },
                launch_configuration: (!server.from_template).then_some(launch),
                tags: server.tags.clone(),
                instances: vec![],
                activities: vec![],
                deleting: None,
                refreshes: vec![],
            };
            world.region.auto_scaling_groups.insert(server.group.clone(), group);
            world.launch(&server.group);
            let Some(group) = world.region.auto_scaling_groups.get_mut(&server.group) else {
                return refuse(ErrorKind::Service, "InternalError", "no group");
            };
            // It has run for long.
            for state in &mut group.instances {
                "InService".clone_into(&mut state.instance.lifecycle);
            }
            match group.instances.first() {
                Some(state) => Ok(state.instance.id.clone()),
                None => refuse(ErrorKind::Service, "InternalError", "the server did not start"),
            }
        })
    }
}
