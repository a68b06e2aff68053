//! The writes that kaphost knows, each one call of AWS, and the waits between them.

use std::collections::{BTreeMap, BTreeSet};

use crate::resource::{Direction, GroupSettings, GroupTag, Kind, RefreshPreferences, Rule, Tags, TemplateContent};

/// The place of a step in its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct StepId(pub usize);

/// A value that is known, or that an earlier step will give.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ref<T> {
    /// Known now.
    Known(T),
    /// The output of this step.
    Of(StepId),
}

/// One call. `G` names a security group, `V` a version of the launch template: a plan has [`Ref`]s, a call has the values. As JSON it holds a digest of the user data and no
/// secret.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
#[expect(missing_docs, reason = "the fields are AWS's own parameters, documented on the types in `resource`")]
pub enum Action<G, V> {
    // ── security group ──
    CreateSecurityGroup {
        name: String,
        description: String,
        vpc: String,
        tags: Tags,
    },
    /// All rules of one direction in one call: all or none.
    AuthorizeRules {
        group: G,
        direction: Direction,
        rules: Vec<Rule>,
        tags: Tags,
    },
    /// By id, in one call, with no gap.
    ModifyRules {
        group: G,
        rules: BTreeMap<String, Rule>,
    },
    /// By id: a wrong revoke by properties succeeds silently in a default VPC.
    RevokeRules {
        group: G,
        direction: Direction,
        ids: BTreeSet<String>,
    },
    /// The rule that AWS puts into a new group, found by what it says and revoked by id.
    RevokeDefaultEgress {
        group: G,
    },
    // ── EC2 tags ──
    /// `resources` are ids of groups, rules or templates.
    TagEc2 {
        resources: BTreeSet<String>,
        set: Tags,
    },
    UntagEc2 {
        resources: BTreeSet<String>,
        keys: BTreeSet<String>,
    },
    // ── IAM ──
    CreateRole {
        name: String,
        path: String,
        description: String,
        trust: serde_json::Value,
        boundary: Option<String>,
        tags: Tags,
    },
    /// Doing it again changes nothing.
    AttachRolePolicy {
        role: String,
        arn: String,
    },
    /// Makes an inline policy, or gives it another document.
    PutRolePolicy {
        role: String,
        name: String,
        document: String,
    },
    /// Sets the permissions boundary, whatever it was.
    PutRoleBoundary {
        role: String,
        arn: String,
    },
    DeleteRoleBoundary {
        role: String,
    },
    UpdateTrust {
        role: String,
        trust: serde_json::Value,
    },
    UpdateRoleDescription {
        role: String,
        description: String,
    },
    TagRole {
        role: String,
        set: Tags,
    },
    UntagRole {
        role: String,
        keys: BTreeSet<String>,
    },
    CreateInstanceProfile {
        name: String,
        path: String,
        tags: Tags,
    },
    TagInstanceProfile {
        profile: String,
        set: Tags,
    },
    UntagInstanceProfile {
        profile: String,
        keys: BTreeSet<String>,
    },
    AddRoleToInstanceProfile {
        profile: String,
        role: String,
    },
    RemoveRoleFromInstanceProfile {
        profile: String,
        role: String,
    },
    // ── launch template ──
    /// Its first version is number 1. The planner leaves `token` empty, which is to send none: the name is unique.
    CreateLaunchTemplate {
        name: String,
        tags: Tags,
        description: String,
        content: TemplateContent<G>,
        token: String,
    },
    /// `token` makes the call idempotent: two appliers that saw the same get one version. 64 characters.
    CreateLaunchTemplateVersion {
        template: String,
        description: String,
        content: TemplateContent<G>,
        token: String,
    },
    /// Old versions that nothing names any more.
    DeleteTemplateVersions {
        /// By id.
        template: String,
        versions: BTreeSet<u64>,
    },
    // ── Auto Scaling group ──
    CreateAutoScalingGroup {
        name: String,
        settings: GroupSettings<V>,
        instance_profile: String,
        tags: BTreeMap<String, GroupTag>,
    },
    UpdateAutoScalingGroup {
        name: String,
        settings: GroupSettings<V>,
    },
    /// Replaces the instances by such of this version. The group pins it when that is done, and keeps the one it has when it fails. A group has one at a time.
    StartInstanceRefresh {
        group: String,
        /// By name.
        template: String,
        version: V,
        preferences: RefreshPreferences,
    },
    CancelInstanceRefresh {
        group: String,
    },
    TagGroup {
        name: String,
        set: BTreeMap<String, GroupTag>,
    },
    UntagGroup {
        name: String,
        keys: BTreeSet<String>,
    },
    // ── waits: polls, no writes ──
    /// Until one instance is in service, or the time is over. Seconds.
    WaitForCapacity {
        group: String,
        timeout_s: u32,
    },
    /// Until an instance refresh is over. When it did not come to its end, the run fails with AWS's reasons.
    WaitForRefresh {
        group: String,
        /// Its id. Named as groups are: known, or of the step that starts it.
        refresh: G,
        timeout_s: u32,
    },
    /// Until an instance refresh that is being cancelled no longer stands in the way of another.
    WaitForRefreshGone {
        group: String,
        refresh: String,
        timeout_s: u32,
    },
    /// Until the group and its instances are gone.
    WaitForGroupGone {
        group: String,
        timeout_s: u32,
    },
    // ── destroy ──
    /// With its instances.
    DeleteAutoScalingGroup {
        name: String,
    },
    DeleteLaunchTemplate {
        id: String,
    },
    DeleteSecurityGroup {
        id: String,
    },
    DeleteInstanceProfile {
        name: String,
    },
    DeleteRole {
        name: String,
    },
    /// Users' policies only when told to.
    DetachRolePolicy {
        role: String,
        arn: String,
    },
    DeleteRolePolicy {
        role: String,
        name: String,
    },
}

/// As a plan has it.
pub type Planned = Action<Ref<String>, Ref<u64>>;
/// As a cloud gets it.
pub type Call = Action<String, u64>;

/// What a call gives to later steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Nothing.
    Done,
    /// `sg-…`, of a new group.
    SecurityGroup(String),
    /// The number of a new version.
    TemplateVersion(u64),
    /// A new launch template, with its first version.
    LaunchTemplate {
        /// `lt-…`
        id: String,
        /// The number of its version.
        version: u64,
    },
    /// The id of an instance refresh that was started.
    Refresh(String),
    /// A new role.
    Role {
        /// Its ARN.
        arn: String,
    },
}

impl<G, V> Action<G, V> {
    /// The AWS operation, for people and for the retry table. Waits have names of their own.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::CreateSecurityGroup { .. } => "CreateSecurityGroup",
            Self::AuthorizeRules { direction: Direction::Ingress, .. } => "AuthorizeSecurityGroupIngress",
            Self::AuthorizeRules { direction: Direction::Egress, .. } => "AuthorizeSecurityGroupEgress",
            Self::ModifyRules { .. } => "ModifySecurityGroupRules",
            Self::RevokeRules { direction: Direction::Ingress, .. } => "RevokeSecurityGroupIngress",
            Self::RevokeRules { direction: Direction::Egress, .. } | Self::RevokeDefaultEgress { .. } => "RevokeSecurityGroupEgress",
            Self::TagEc2 { .. } => "CreateTags",
            Self::UntagEc2 { .. } => "DeleteTags",
            Self::CreateRole { .. } => "CreateRole",
            Self::AttachRolePolicy { .. } => "AttachRolePolicy",
            Self::PutRolePolicy { .. } => "PutRolePolicy",
            Self::PutRoleBoundary { .. } => "PutRolePermissionsBoundary",
            Self::DeleteRoleBoundary { .. } => "DeleteRolePermissionsBoundary",
            Self::UpdateTrust { .. } => "UpdateAssumeRolePolicy",
            Self::UpdateRoleDescription { .. } => "UpdateRole",
            Self::TagRole { .. } => "TagRole",
            Self::UntagRole { .. } => "UntagRole",
            Self::CreateInstanceProfile { .. } => "CreateInstanceProfile",
            Self::TagInstanceProfile { .. } => "TagInstanceProfile",
            Self::UntagInstanceProfile { .. } => "UntagInstanceProfile",
            Self::AddRoleToInstanceProfile { .. } => "AddRoleToInstanceProfile",
            Self::RemoveRoleFromInstanceProfile { .. } => "RemoveRoleFromInstanceProfile",
            Self::CreateLaunchTemplate { .. } => "CreateLaunchTemplate",
            Self::CreateLaunchTemplateVersion { .. } => "CreateLaunchTemplateVersion",
            Self::CreateAutoScalingGroup { .. } => "CreateAutoScalingGroup",
            Self::UpdateAutoScalingGroup { .. } => "UpdateAutoScalingGroup",
            Self::DeleteTemplateVersions { .. } => "DeleteLaunchTemplateVersions",
            Self::StartInstanceRefresh { .. } => "StartInstanceRefresh",
            Self::CancelInstanceRefresh { .. } => "CancelInstanceRefresh",
            Self::TagGroup { .. } => "CreateOrUpdateTags",
            Self::UntagGroup { .. } => "DeleteTags",
            Self::WaitForCapacity { .. } => "wait for capacity",
            Self::WaitForGroupGone { .. } => "wait for the group to go",
            Self::WaitForRefresh { .. } => "wait for the rollout",
            Self::WaitForRefreshGone { .. } => "wait for the other rollout to end",
            Self::DeleteAutoScalingGroup { .. } => "DeleteAutoScalingGroup",
            Self::DeleteLaunchTemplate { .. } => "DeleteLaunchTemplate",
            Self::DeleteSecurityGroup { .. } => "DeleteSecurityGroup",
            Self::DeleteInstanceProfile { .. } => "DeleteInstanceProfile",
            Self::DeleteRole { .. } => "DeleteRole",
            Self::DetachRolePolicy { .. } => "DetachRolePolicy",
            Self::DeleteRolePolicy { .. } => "DeleteRolePolicy",
        }
    }

    /// Whether it only polls.
    #[must_use]
    pub const fn is_wait(&self) -> bool {
        matches!(
            self,
            Self::WaitForCapacity { .. } | Self::WaitForGroupGone { .. } | Self::WaitForRefresh { .. } | Self::WaitForRefreshGone { .. }
        )
    }

    /// What it creates, when it creates: a collision of names is then looked at again, for it may be our own earlier call.
    #[must_use]
    pub const fn creates(&self) -> Option<Kind> {
        match self {
            Self::CreateSecurityGroup { .. } => Some(Kind::SecurityGroup),
            Self::AuthorizeRules { .. } => Some(Kind::SecurityGroupRule),
            Self::CreateRole { .. } => Some(Kind::Role),
            Self::CreateInstanceProfile { .. } => Some(Kind::InstanceProfile),
            Self::CreateLaunchTemplate { .. } => Some(Kind::LaunchTemplate),
            Self::CreateAutoScalingGroup { .. } => Some(Kind::AutoScalingGroup),
            _ => None,
        }
    }
}
