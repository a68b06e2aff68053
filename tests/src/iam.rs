//! IAM as AWS evaluates it, as far as a document of kaphost's uses it: which permissions a call asks for, and whether a document gives them.
//!
//! Owes nothing to kaphost: what a call asks for is read from the call on the wire and from what the account holds, by AWS's service authorization
//! reference.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{Account, Call, Failure, REGION};

/// The tag by which kaphost owns.
const OWNER: &str = "kaphost:cluster";

/// Values of a context by key.
type Context = BTreeMap<String, Vec<String>>;

/// One permission that a call needs.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `ec2:CreateTags`
    pub action: String,
    /// Each must be allowed. Empty: the action takes none.
    pub resources: Vec<String>,
    /// What comes with the call.
    context: Context,
    /// Why AWS asks for it within another call; `None` when it is the call itself.
    pub within: Option<&'static str>,
}

/// What an account holds that matters for permissions.
#[derive(Clone, Debug, Default)]
pub struct Estate {
    account: String,
    /// The owner's tag by ARN.
    owners: BTreeMap<String, String>,
    /// ARNs by `role NAME` and the like.
    named: BTreeMap<String, String>,
    /// What a version of a launch template says, by name and number.
    versions: BTreeMap<(String, String), Value>,
    /// The subnets of a group.
    subnets: BTreeMap<String, String>,
}

fn texts<'a>(value: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    value[list].as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn owner(tags: &Value) -> Option<String> {
    tags.as_array().into_iter().flatten().find(|tag| tag["Key"] == OWNER).map(|tag| text(&tag["Value"]))
}

impl Estate {
    /// Reads it.
    ///
    /// # Errors
    /// When AWS does not answer.
    pub fn of(account: &Account) -> Result<Self, Failure> {
        let mut estate = Self { account: account.id().to_owned(), ..Self::default() };
        let groups = account.aws("ec2", "describe_security_groups", json!({}))?;
        for group in texts(&groups, "SecurityGroups") {
            estate.add(estate.ec2(&format!("security-group/{}", text(&group["GroupId"]))), &group["Tags"]);
        }
        let rules = account.aws("ec2", "describe_security_group_rules", json!({}))?;
        for rule in texts(&rules, "SecurityGroupRules") {
            estate.add(estate.ec2(&format!("security-group-rule/{}", text(&rule["SecurityGroupRuleId"]))), &rule["Tags"]);
        }
        let templates = account.aws("ec2", "describe_launch_templates", json!({}))?;
        for template in texts(&templates, "LaunchTemplates") {
            let (id, name) = (text(&template["LaunchTemplateId"]), text(&template["LaunchTemplateName"]));
            let arn = estate.ec2(&format!("launch-template/{id}"));
            estate.named.insert(format!("launch-template {name}"), arn.clone());
            estate.named.insert(format!("launch-template {id}"), arn.clone());
            estate.add(arn, &template["Tags"]);
            let versions = account.aws("ec2", "describe_launch_template_versions", json!({ "LaunchTemplateId": id }))?;
            for version in texts(&versions, "LaunchTemplateVersions") {
                estate.versions.insert((name.clone(), version["VersionNumber"].to_string()), version["LaunchTemplateData"].clone());
            }
        }
        let roles = account.aws("iam", "list_roles", json!({}))?;
        for role in texts(&roles, "Roles") {
            let name = text(&role["RoleName"]);
            let tags = account.aws("iam", "list_role_tags", json!({ "RoleName": name }))?;
            estate.named.insert(format!("role {name}"), text(&role["Arn"]));
            estate.add(text(&role["Arn"]), &tags["Tags"]);
        }
        let profiles = account.aws("iam", "list_instance_profiles", json!({}))?;
        for profile in texts(&profiles, "InstanceProfiles") {
            let name = text(&profile["InstanceProfileName"]);
            let read = account.aws("iam", "get_instance_profile", json!({ "InstanceProfileName": name }))?;
            estate.named.insert(format!("instance-profile {name}"), text(&profile["Arn"]));
            estate.add(text(&profile["Arn"]), &read["InstanceProfile"]["Tags"]);
        }
        let groups = account.aws("autoscaling", "describe_auto_scaling_groups", json!({}))?;
        for group in texts(&groups, "AutoScalingGroups") {
            let name = text(&group["AutoScalingGroupName"]);
            estate.named.insert(format!("group {name}"), text(&group["AutoScalingGroupARN"]));
            estate.subnets.insert(name, text(&group["VPCZoneIdentifier"]));
            estate.add(text(&group["AutoScalingGroupARN"]), &group["Tags"]);
        }
        Ok(estate)
    }

    /// What was there before and after: a call of a run may be about either.
    #[must_use]
    pub fn and(mut self, later: Self) -> Self {
        self.owners.extend(later.owners);
        self.named.extend(later.named);
        self.versions.extend(later.versions);
        self.subnets.extend(later.subnets);
        self
    }

    fn add(&mut self, arn: String, tags: &Value) {
        if let Some(owner) = owner(tags) {
            self.owners.insert(arn, owner);
        }
    }

    fn ec2(&self, resource: &str) -> String {
        format!("arn:aws:ec2:{REGION}:{}:{resource}", self.account)
    }

    /// The ARN of what a call names; of what is not there, AWS goes by the name alone.
    fn arn(&self, kind: &str, name: &str) -> String {
        let unknown = || match kind {
            "launch-template" => self.ec2("launch-template/lt-new"),
            "group" => {
                format!("arn:aws:autoscaling:{REGION}:{}:autoScalingGroup:0-1-2:autoScalingGroupName/{name}", self.account)
            }
            kind => format!("arn:aws:iam::{}:{kind}/{name}", self.account),
        };
        self.named.get(&format!("{kind} {name}")).cloned().unwrap_or_else(unknown)
    }

    /// What a call asks for, itself first.
    ///
    /// # Errors
    /// When the call is none that is known here: say in `resources` what it is about.
    pub fn asked(&self, call: &Call) -> Result<Vec<Asked>, Failure> {
        let wire = Wire(&call.parameters);
        let itself = |resources: Vec<String>| Asked {
            action: format!("{}:{}", call.service, call.action),
            resources,
            context: wire.context(&call.service),
            within: None,
        };
        let resources = self.resources(call, &wire).ok_or_else(|| Failure::new(format!("nobody knows what {} is about", call.action)))?;
        let mut asked = vec![itself(resources)];
        let within = |action: &str, resources: Vec<String>, context: Context, why| Asked {
            action: action.to_owned(),
            resources,
            context,
            within: Some(why),
        };
        const TAGS: &str = "tags that come with a creation are asked for by themselves";
        let made = match call.action.as_str() {
            "CreateSecurityGroup" => Some("security-group/sg-new"),
            "AuthorizeSecurityGroupIngress" | "AuthorizeSecurityGroupEgress" => Some("security-group-rule/sgr-new"),
            "CreateLaunchTemplate" => Some("launch-template/lt-new"),
            _ => None,
        };
        if let Some(made) = made {
            let mut context = wire.context("ec2");
            context.insert("ec2:CreateAction".to_owned(), vec![call.action.clone()]);
            asked.push(within("ec2:CreateTags", vec![self.ec2(made)], context, TAGS));
        }
        let tagging = match call.action.as_str() {
            "CreateRole" => Some("iam:TagRole"),
            "CreateInstanceProfile" => Some("iam:TagInstanceProfile"),
            _ => None,
        };
        if let Some(action) = tagging {
            let itself = &asked[0];
            asked.push(within(action, itself.resources.clone(), itself.context.clone(), TAGS));
        }
        const PASS: &str = "whoever gives a role to servers must be allowed to pass it on";
        let to_servers = || Context::from([("iam:PassedToService".to_owned(), vec!["ec2.amazonaws.com".to_owned()])]);
        if call.action == "AddRoleToInstanceProfile" {
            asked.push(within("iam:PassRole", vec![self.arn("role", wire.get("RoleName"))], to_servers(), PASS));
        }
        if ["CreateAutoScalingGroup", "UpdateAutoScalingGroup", "StartInstanceRefresh"].contains(&call.action.as_str()) {
            asked.extend(self.server(&wire, within)?);
            let profile = self.template(&wire)?["IamInstanceProfile"]["Name"].as_str().unwrap_or_default();
            // Its role has its name.
            asked.push(within("iam:PassRole", vec![self.arn("role", profile)], to_servers(), PASS));
        }
        if call.action == "CreateAutoScalingGroup" {
            let service = "autoscaling.amazonaws.com";
            let arn = format!("arn:aws:iam::{}:role/aws-service-role/{service}/AWSServiceRoleForAutoScaling", self.account);
            let context = Context::from([("iam:AWSServiceName".to_owned(), vec![service.to_owned()])]);
            let why = "the first group of an account makes the role by which Auto Scaling works";
            asked.push(within("iam:CreateServiceLinkedRole", vec![arn], context, why));
        }
        Ok(asked)
    }

    /// What a call is about. `None` when it is not known here.
    fn resources(&self, call: &Call, wire: &Wire<'_>) -> Option<Vec<String>> {
        let ec2 = |kind: &str, ids: Vec<String>| ids.iter().map(|id| self.ec2(&format!("{kind}/{id}"))).collect::<Vec<String>>();
        let path = |kind: &str, name: &str| {
            let path = if wire.get("Path").is_empty() { "/" } else { wire.get("Path") };
            vec![format!("arn:aws:iam::{}:{kind}{path}{}", self.account, wire.get(name))]
        };
        let action = call.action.as_str();
        Some(match (call.service.as_str(), action) {
            ("iam", "GetAccountSummary") => Vec::new(),
            ("ec2", action) if action.starts_with("Describe") => Vec::new(),
            ("autoscaling", action) if action.starts_with("Describe") => Vec::new(),
            ("ec2", "CreateSecurityGroup") => {
                vec![self.ec2("security-group/sg-new"), self.ec2(&format!("vpc/{}", wire.get("VpcId")))]
            }
            ("ec2", "AuthorizeSecurityGroupIngress" | "AuthorizeSecurityGroupEgress") => {
                let mut about = ec2("security-group", vec![wire.get("GroupId").to_owned()]);
                about.push(self.ec2("security-group-rule/sgr-new"));
                about
            }
            ("ec2", "RevokeSecurityGroupIngress" | "RevokeSecurityGroupEgress" | "DeleteSecurityGroup") => {
                ec2("security-group", vec![wire.get("GroupId").to_owned()])
            }
            ("ec2", "ModifySecurityGroupRules") => {
                let mut about = ec2("security-group", vec![wire.get("GroupId").to_owned()]);
                about.extend(ec2("security-group-rule", wire.all("SecurityGroupRule.", ".SecurityGroupRuleId")));
                about
            }
            ("ec2", "CreateTags" | "DeleteTags") => {
                let kind = |id: &str| match id.split('-').next() {
                    Some("sg") => "security-group",
                    Some("sgr") => "security-group-rule",
                    _ => "launch-template",
                };
                wire.all("ResourceId.", "").iter().map(|id| self.ec2(&format!("{}/{id}", kind(id)))).collect()
            }
            ("ec2", "CreateLaunchTemplate") => vec![self.ec2("launch-template/lt-new")],
            ("ec2", "CreateLaunchTemplateVersion" | "DeleteLaunchTemplate" | "DeleteLaunchTemplateVersions") => {
                let name = [wire.get("LaunchTemplateId"), wire.get("LaunchTemplateName")].into_iter().find(|name| !name.is_empty())?;
                vec![self.arn("launch-template", name)]
            }
            ("iam", "CreateRole") => path("role", "RoleName"),
            ("iam", "CreateInstanceProfile") => path("instance-profile", "InstanceProfileName"),
            ("iam", action) if action.contains("InstanceProfile") => vec![self.arn("instance-profile", wire.get("InstanceProfileName"))],
            ("iam", _) if !wire.get("RoleName").is_empty() => vec![self.arn("role", wire.get("RoleName"))],
            ("autoscaling", "CreateOrUpdateTags" | "DeleteTags") => vec![self.arn("group", wire.get("Tags.member.1.ResourceId"))],
            ("autoscaling", _) => vec![self.arn("group", wire.get("AutoScalingGroupName"))],
            ("ssm", "GetParameter") => {
                let body: Value = serde_json::from_str(wire.get("body")).ok()?;
                let name = body["Name"].as_str()?;
                let account = if name.starts_with("/aws/") { "" } else { &self.account };
                vec![format!("arn:aws:ssm:{REGION}:{account}:parameter{name}")]
            }
            _ => return None,
        })
    }

    /// What the template of a call says.
    fn template(&self, wire: &Wire<'_>) -> Result<&Value, Failure> {
        let said = |name: &str| {
            let nested = wire.get(&format!("DesiredConfiguration.LaunchTemplate.{name}"));
            if nested.is_empty() { wire.get(&format!("LaunchTemplate.{name}")) } else { nested }.to_owned()
        };
        let key = (said("LaunchTemplateName"), said("Version"));
        self.versions.get(&key).ok_or_else(|| Failure::new(format!("no version {} of the template {}", key.1, key.0)))
    }

    /// A server of a template, which Auto Scaling tries to start in the caller's name.
    fn server(&self, wire: &Wire<'_>, within: impl Fn(&str, Vec<String>, Context, &'static str) -> Asked) -> Result<Vec<Asked>, Failure> {
        const RUN: &str = "Auto Scaling tries in the caller's name whether a server could start";
        let data = self.template(wire)?;
        let group = wire.get("AutoScalingGroupName");
        let said = wire.get("VPCZoneIdentifier");
        let subnets = if said.is_empty() { self.subnets.get(group).map_or("", String::as_str) } else { said };
        let name = [wire.get("LaunchTemplate.LaunchTemplateName"), wire.get("DesiredConfiguration.LaunchTemplate.LaunchTemplateName")];
        let name = name.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        let mut about = vec![
            format!("arn:aws:ec2:{REGION}::image/{}", text(&data["ImageId"])),
            self.arn("launch-template", name),
            self.ec2("network-interface/eni-new"),
            self.ec2("volume/vol-new"),
        ];
        about.extend(subnets.split(',').map(|subnet| self.ec2(&format!("subnet/{}", subnet.trim()))));
        if let Some(key) = data["KeyName"].as_str() {
            about.push(self.ec2(&format!("key-pair/{key}")));
        }
        for interface in texts(data, "NetworkInterfaces") {
            about.extend(texts(interface, "Groups").map(|group| self.ec2(&format!("security-group/{}", text(group)))));
        }
        let mut asked = vec![within("ec2:RunInstances", about, Context::new(), RUN)];
        let kind = Context::from([("ec2:InstanceType".to_owned(), vec![text(&data["InstanceType"])])]);
        asked.push(within("ec2:RunInstances", vec![self.ec2("instance/i-new")], kind, RUN));
        for specification in texts(data, "TagSpecifications") {
            let mut context = Context::from([("ec2:CreateAction".to_owned(), vec!["RunInstances".to_owned()])]);
            for tag in texts(specification, "Tags") {
                context.insert(format!("aws:RequestTag/{}", text(&tag["Key"])), vec![text(&tag["Value"])]);
            }
            let made = self.ec2(&format!("{}/new", text(&specification["ResourceType"])));
            asked.push(within("ec2:CreateTags", vec![made], context, "the template's tags come with the server"));
        }
        Ok(asked)
    }
}

/// Parameters of a call.
struct Wire<'a>(&'a BTreeMap<String, String>);

impl Wire<'_> {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The values of a list: names that begin and end like this, with a number between.
    fn all(&self, start: &str, end: &str) -> Vec<String> {
        let number = |name: &str| {
            let middle = name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
            middle.is_some_and(|middle| middle.bytes().all(|byte| byte.is_ascii_digit()))
        };
        self.0.iter().filter(|(name, _)| number(name)).map(|(_, value)| value.clone()).collect()
    }

    /// The tags and the rest of what conditions are about.
    fn context(&self, service: &str) -> Context {
        let mut context = Context::new();
        let lists = if service == "ec2" { ["TagSpecification.1.Tag.", "Tag."] } else { ["Tags.member.", "Tags.member."] };
        for list in lists {
            for number in 1..=50 {
                let key = self.get(&format!("{list}{number}.Key"));
                if !key.is_empty() {
                    let value = self.get(&format!("{list}{number}.Value")).to_owned();
                    context.insert(format!("aws:RequestTag/{key}"), vec![value]);
                }
            }
        }
        let mut keys: Vec<String> = context.keys().filter_map(|key| key.strip_prefix("aws:RequestTag/").map(str::to_owned)).collect();
        keys.extend(self.all("TagKeys.member.", ""));
        if !keys.is_empty() {
            context.insert("aws:TagKeys".to_owned(), keys);
        }
        for (parameter, key) in [("PolicyArn", "iam:PolicyARN"), ("PermissionsBoundary", "iam:PermissionsBoundary")] {
            if !self.get(parameter).is_empty() {
                context.insert(key.to_owned(), vec![self.get(parameter).to_owned()]);
            }
        }
        context
    }
}

/// A policy document, and which parts of it were needed.
#[derive(Clone, Debug)]
pub struct Policy {
    statements: Vec<Value>,
    /// Statement and action.
    used: BTreeSet<(usize, String)>,
    /// Resources of statements that a call was about.
    hit: BTreeSet<(usize, String)>,
}

impl Policy {
    /// As it was printed.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let document: Value = serde_json::from_str(text).map_err(|error| Failure::new(format!("no JSON: {error}: {text}")))?;
        let statements = document["Statement"].as_array().cloned();
        let statements = statements.ok_or_else(|| Failure::new(format!("no policy document: {document:#}")))?;
        Ok(Self { statements, used: BTreeSet::new(), hit: BTreeSet::new() })
    }

    /// Whether it allows this; notes what of it was needed.
    pub fn allows(&mut self, asked: &Asked, estate: &Estate) -> bool {
        let any = ["*".to_owned()];
        let resources = if asked.resources.is_empty() { &any[..] } else { &asked.resources[..] };
        resources.iter().all(|resource| self.allows_one(asked, resource, estate))
    }

    fn allows_one(&mut self, asked: &Asked, resource: &str, estate: &Estate) -> bool {
        let mut context = asked.context.clone();
        if let Some(owner) = estate.owners.get(resource) {
            context.insert(format!("aws:ResourceTag/{OWNER}"), vec![owner.clone()]);
        }
        for (at, statement) in self.statements.iter().enumerate() {
            let acts = list(&statement["Action"]).contains(&asked.action.as_str());
            let about = list(&statement["Resource"]).into_iter().find(|pattern| glob(pattern, resource));
            if let (true, Some(pattern)) = (acts, about)
                && holds(&statement["Condition"], &context)
            {
                self.used.insert((at, asked.action.clone()));
                self.hit.insert((at, pattern.to_owned()));
                return true;
            }
        }
        false
    }

    /// What nothing has needed: actions of a statement, and resources of one.
    #[must_use]
    pub fn spare(&self) -> Vec<String> {
        let mut spare = Vec::new();
        for (at, statement) in self.statements.iter().enumerate() {
            let sid = statement["Sid"].as_str().unwrap_or_default();
            let unused = |value: &Value, used: &BTreeSet<(usize, String)>| {
                list(value)
                    .into_iter()
                    .filter(|one| !used.contains(&(at, (*one).to_owned())))
                    .map(|one| format!("{sid}: {one}"))
                    .collect::<Vec<_>>()
            };
            spare.extend(unused(&statement["Action"], &self.used));
            spare.extend(unused(&statement["Resource"], &self.hit));
        }
        spare
    }
}

fn list(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// `*` stands for anything.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    match last {
        None => rest.is_empty(),
        Some(last) => rest.is_empty() || text.ends_with(last),
    }
}

/// Every operator, and every key of it. A key that the request lacks does not hold, but of `ForAllValues`, where there is nothing to be against it.
fn holds(condition: &Value, context: &Context) -> bool {
    let operators = condition.as_object().into_iter().flatten();
    operators.into_iter().all(|(operator, keys)| {
        keys.as_object().into_iter().flatten().all(|(key, wanted)| {
            let wanted = list(wanted);
            let found = context.get(key);
            match operator.as_str() {
                "StringEquals" => found.is_some_and(|found| found.iter().any(|value| wanted.contains(&value.as_str()))),
                "ArnEquals" => found.is_some_and(|found| found.iter().any(|value| wanted.iter().any(|arn| glob(arn, value)))),
                "ForAllValues:StringEquals" => found.is_none_or(|found| found.iter().all(|value| wanted.contains(&value.as_str()))),
                _ => false,
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_anything_and_nothing_else_is() {
        for (pattern, text, fits) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("a/*", "a/", true),
            ("*", "", true),
            ("a:*:c", "a:b:c", true),
            ("a:*:c", "a:b:cd", false),
            ("a:*:c", "b:b:c", false),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn conditions_hold_as_aws_has_them() {
        let context = Context::from([("a".to_owned(), vec!["1".to_owned()]), ("b".to_owned(), vec!["1".to_owned(), "2".to_owned()])]);
        for (condition, expected) in [
            (json!({ "StringEquals": { "a": "1" } }), true),
            (json!({ "StringEquals": { "a": ["1", "2"] } }), true),
            (json!({ "StringEquals": { "a": "2" } }), false),
            (json!({ "StringEquals": { "a": "1", "c": "1" } }), false),
            (json!({ "ForAllValues:StringEquals": { "b": ["1", "2", "3"] } }), true),
            (json!({ "ForAllValues:StringEquals": { "b": ["1"] } }), false),
            (json!({ "ForAllValues:StringEquals": { "c": ["1"] } }), true),
            (json!({ "Unheard": { "a": "1" } }), false),
            (Value::Null, true),
        ] {
            assert_eq!(holds(&condition, &context), expected, "{condition}");
        }
    }
}
