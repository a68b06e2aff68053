//! Everything of the kinds that kaphost makes that an account holds, whoever made it: how a test sees orphans.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use crate::{Account, Failure};

/// One line for each thing: what it is, without the ids that differ from run to run. Sorted; things that look alike stand there as often as there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    lines: Vec<String>,
}

impl Account {
    /// What the account holds now, asked with boto3.
    ///
    /// # Errors
    /// When a call fails.
    pub fn holdings(&self) -> Result<Holdings, Failure> {
        let mut lines = Vec::new();
        let list = |service: &str, operation: &str, key: &str| -> Result<Vec<Value>, Failure> {
            let mut answer = self.aws(service, operation, json!({}))?;
            match answer[key].take() {
                Value::Array(list) => Ok(list),
                other => Err(Failure::new(format!("{service}.{operation} gave no list of {key}: {other}"))),
            }
        };
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        for group in list("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups")? {
            lines.push(format!("Auto Scaling group {}", text(&group["AutoScalingGroupName"])));
        }
        for template in list("ec2", "describe_launch_templates", "LaunchTemplates")? {
            lines.push(format!(
                "launch template {}, latest version {}",
                text(&template["LaunchTemplateName"]),
                template["LatestVersionNumber"]
            ));
        }
        let mut group_names = BTreeMap::new();
        for group in list("ec2", "describe_security_groups", "SecurityGroups")? {
            lines.push(format!("security group {}", text(&group["GroupName"])));
            group_names.insert(text(&group["GroupId"]), text(&group["GroupName"]));
        }
        for rule in list("ec2", "describe_security_group_rules", "SecurityGroupRules")? {
            let peer = ["CidrIpv4", "CidrIpv6", "PrefixListId"].iter().find_map(|key| rule[*key].as_str().map(str::to_owned));
            let peer = peer.unwrap_or_else(|| text(&rule["ReferencedGroupInfo"]["GroupId"]));
            let direction = if rule["IsEgress"] == true { "egress" } else { "ingress" };
            let group = group_names.get(&text(&rule["GroupId"])).cloned().unwrap_or_default();
            lines.push(format!(
                "{direction} rule of {group}: {} {}-{} {peer}",
                text(&rule["IpProtocol"]),
                rule["FromPort"],
                rule["ToPort"]
            ));
        }
        for role in list("iam", "list_roles", "Roles")? {
            lines.push(format!("role {}", text(&role["RoleName"])));
        }
        for profile in list("iam", "list_instance_profiles", "InstanceProfiles")? {
            let roles = profile["Roles"].as_array().map(Vec::as_slice).unwrap_or_default();
            let roles: Vec<String> = roles.iter().map(|role| text(&role["RoleName"])).collect();
            lines.push(format!("instance profile {} with {}", text(&profile["InstanceProfileName"]), roles.join(" ")));
        }
        for reservation in list("ec2", "describe_instances", "Reservations")? {
            for instance in reservation["Instances"].as_array().into_iter().flatten() {
                if instance["State"]["Name"] != "terminated" {
                    lines.push(format!("instance {} of {}", text(&instance["State"]["Name"]), text(&instance["ImageId"])));
                }
            }
        }
        for volume in list("ec2", "describe_volumes", "Volumes")? {
            lines.push(format!("volume of {} GiB, {}", volume["Size"], text(&volume["State"])));
        }
        lines.sort();
        Ok(Holdings { lines })
    }
}

impl Holdings {
    /// What is here beyond what was there before, and how often.
    #[must_use]
    pub fn beyond(&self, before: &Self) -> Vec<String> {
        let mut left = before.lines.clone();
        let mut beyond = Vec::new();
        for line in &self.lines {
            match left.iter().position(|known| known == line) {
                Some(at) => drop(left.swap_remove(at)),
                None => beyond.push(line.clone()),
            }
        }
        beyond
    }
}

impl fmt::Display for Holdings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_count_twice() {
        let holdings = |lines: &[&str]| Holdings { lines: lines.iter().map(ToString::to_string).collect() };
        let (before, after) = (holdings(&["a", "b"]), holdings(&["a", "a", "b", "c"]));
        assert_eq!(after.beyond(&before), ["a", "c"]);
        assert!(before.beyond(&after).is_empty());
    }
}
