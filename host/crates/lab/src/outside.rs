//! What happens beside kaphost: other people's doings, and the account seen as a whole.

use kaphost_apply::{CloudError, ErrorKind};
use kaphost_plan::{Kind, OWNER_TAG, Output, Tags};

use crate::refuse::{Answer, refuse};
use crate::state::{ImageState, World};
use crate::{Behaviour, Lab, broken};

/// One resource of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holding {
    /// What it is. Rules are not listed: they are their group's.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The cluster that it is tagged for.
    pub owner: Option<String>,
}

impl Lab {
    /// Everything that the account holds in this region, sorted.
    ///
    /// # Errors
    /// When the lab's file cannot be used.
    pub fn census(&self) -> Result<Vec<Holding>, CloudError> {
        self.aside("census", |world| {
            let holding = |kind, name: &String, tags: &Tags| Holding { kind, name: name.clone(), owner: tags.get(OWNER_TAG).cloned() };
            let (region, iam) = (&world.region, &world.iam);
            let mut all: Vec<Holding> = Vec::new();
            all.extend(region.security_groups.values().map(|group| holding(Kind::SecurityGroup, &group.name, &group.tags)));
            all.extend(region.launch_templates.values().map(|template| holding(Kind::LaunchTemplate, &template.name, &template.tags)));
            all.extend(region.auto_scaling_groups.iter().map(|(name, group)| Holding {
                kind: Kind::AutoScalingGroup,
                name: name.clone(),
                owner: group.tags.get(OWNER_TAG).map(|tag| tag.value.clone()),
            }));
            all.extend(iam.roles.iter().map(|(name, role)| holding(Kind::Role, name, &role.tags)));
            all.extend(iam.instance_profiles.iter().map(|(name, profile)| holding(Kind::InstanceProfile, name, &profile.tags)));
            all.sort();
            Ok(all)
        })
    }

    /// Sets how slow the account is, for everybody.
    ///
    /// # Errors
    /// When the lab's file cannot be used.
    pub fn behave(&self, behaviour: Behaviour) -> Result<(), CloudError> {
        self.store.with(|account| account.behaviour = behaviour).map_err(|error| broken("behave", &error))
    }

    /// An image that is not like any other: its root device; `None` takes it away.
    ///
    /// # Errors
    /// When the lab's file cannot be used.
    pub fn set_image(&self, id: &str, root_device: Option<&str>) -> Result<(), CloudError> {
        let image = root_device.map(|root_device| ImageState { root_device: root_device.to_owned(), ..ImageState::default() });
        self.aside("set image", |world| {
            world.region.images.insert(id.to_owned(), image);
            Ok(())
        })
    }

    /// An image that a search finds: its owner (`self`, or whatever a search is to name), its name, and when it was made (RFC 3339).
    ///
    /// # Errors
    /// When the lab's file cannot be used.
    pub fn publish_image(&self, id: &str, owner: &str, name: &str, created: &str) -> Result<(), CloudError> {
        let (owner, name, created) = (owner.to_owned(), name.to_owned(), created.to_owned());
        self.aside("publish image", |world| {
            world.region.images.insert(
                id.to_owned(),
                Some(ImageState { owner: (owner != "self").then_some(owner), name: Some(name), created, ..ImageState::default() }),
            );
            Ok(())
        })
    }

    /// Sets an SSM parameter.
    ///
    /// # Errors
    /// When the lab's file cannot be used.
    pub fn set_parameter(&self, name: &str, value: &str) -> Result<(), CloudError> {
        self.aside("PutParameter", |world| {
            world.region.parameters.insert(name.to_owned(), value.to_owned());
            Ok(())
        })
    }

    /// A security group of somebody else's, with the rules that AWS gives every new one.
    ///
    /// # Errors
    /// When the name is taken in that VPC, or the lab's file cannot be used.
    pub fn make_security_group(&self, name: &str, vpc: &str) -> Result<String, CloudError> {
        self.aside("CreateSecurityGroup", |world| match world.create_security_group(name, "somebody else's", vpc, &Tags::new())? {
            Output::SecurityGroup(id) => {
                // It has been there for long.
                world.region.security_groups.entry(id.clone()).and_modify(|group| group.unseen = 0);
                Ok(id)
            }
            _ => refuse(ErrorKind::Service, "InternalError", "a group without an id"),
        })
    }

    /// The next launches fail with these messages, one each.
    ///
    /// # Errors
    /// When the lab's file cannot be used.
    pub fn fail_launches(&self, messages: &[&str]) -> Result<(), CloudError> {
        self.aside("fail launches", |world| {
            world.region.launch_failures.extend(messages.iter().map(|message| (*message).to_owned()));
            Ok(())
        })
    }

    /// Somebody attaches a managed policy to a role.
    ///
    /// # Errors
    /// When there is no such role.
    pub fn attach_policy(&self, role: &str, arn: &str) -> Result<(), CloudError> {
        self.aside("AttachRolePolicy", |world| world.attach_policy(role, arn).map(drop))
    }

    /// Somebody writes an inline policy for a role.
    ///
    /// # Errors
    /// When there is no such role.
    pub fn put_inline_policy(&self, role: &str, name: &str) -> Result<(), CloudError> {
        self.aside("PutRolePolicy", |world| world.put_inline_policy(role, name, r#"{"Version":"2012-10-17","Statement":[]}"#).map(drop))
    }

    /// Somebody terminates the instances of a group.
    ///
    /// # Errors
    /// When there is no such group.
    pub fn lose_instances(&self, group: &str) -> Result<(), CloudError> {
        self.aside("TerminateInstances", |world| world.lose_instances(group))
    }

    /// Works on the account without a trace in the log, and untouched by faults.
    pub(crate) fn aside<T>(&self, operation: &str, work: impl FnOnce(&mut World<'_>) -> Answer<T>) -> Result<T, CloudError> {
        let answer = self.store.with(|account| work(&mut account.world(&self.region)));
        answer.map_err(|error| broken(operation, &error))?.map_err(|refusal| refusal.of(operation, 0))
    }
}
