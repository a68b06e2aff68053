//! The table of parameters: what each is before and after its change, on the wire too, and what the change takes.

use serde_json::{Value, json};

/// What a change of a server takes.
pub(crate) const TEMPLATE: &[&str] = &["CreateLaunchTemplateVersion", "StartInstanceRefresh"];
const GROUP: &[&str] = &["UpdateAutoScalingGroup"];
const NOTHING: &[&str] = &[];

/// What becomes of a change.
#[derive(Clone, Copy)]
pub(crate) enum Change {
    /// These calls, sorted.
    Calls(&'static [&'static str]),
    /// It is another cluster then.
    Another,
    /// AWS cannot do it in place, and these words say so.
    Refused(&'static str),
}

/// One parameter, or some that only make sense together.
pub(crate) struct Parameter {
    /// Its place in [`CONFIG`].
    pub(crate) slot: &'static str,
    /// Its paths, without keys.
    pub(crate) paths: &'static [&'static str],
    pub(crate) before: &'static str,
    pub(crate) after: &'static str,
    /// Where it stands on the wire, as a JSON pointer into what the test gathers, and as what.
    pub(crate) wire: Option<(&'static str, &'static str, &'static str)>,
    pub(crate) change: Change,
    /// Whether [`tampering`] changes it.
    pub(crate) drifts: bool,
}

const fn row(
    slot: &'static str,
    paths: &'static [&'static str],
    values: (&'static str, &'static str),
    wire: (&'static str, &'static str, &'static str),
    calls: &'static [&'static str],
) -> Parameter {
    Parameter { slot, paths, before: values.0, after: values.1, wire: Some(wire), change: Change::Calls(calls), drifts: true }
}

/// What AWS does not hold: it is about what kaphost does.
const fn own(slot: &'static str, paths: &'static [&'static str], values: (&'static str, &'static str)) -> Parameter {
    Parameter { slot, paths, before: values.0, after: values.1, wire: None, change: Change::Calls(NOTHING), drifts: false }
}

const fn fixed(slot: &'static str, paths: &'static [&'static str], values: (&'static str, &'static str), words: &'static str) -> Parameter {
    Parameter { slot, paths, before: values.0, after: values.1, wire: None, change: Change::Refused(words), drifts: false }
}

/// The config, with a place for each. What stands between `@`s are ids of the account.
pub(crate) const CONFIG: &str = r#"cluster "kapacitor-stage" region="us-east-1" {
    ami {ami}
    instance-type {instance-type}
    {tenancy}
    {ebs-optimized}
    {spot}
    network vpc={vpc} public-ip={public-ip} {
        subnets {subnets}
    }
    ssh port={ssh-port} {key} {
        allow {ssh-allow}
    }
    http port={http-port} {security-group} {
        allow {http-allow}
    }
    egress {
        allow {egress}
    }
    metadata enabled={imds} tokens={tokens} hop-limit={hops}
    root-volume {root-type} size={root-size} {root-encryption} delete-on-termination={root-stays}
    volume "/dev/xvdh" {h-type} size={h-size} {h-encryption} delete-on-termination={h-stays}
    volume "/dev/xvdi" size=8 {i-snapshot}
    user-data {user-data}
    scaling {
        termination-policies {termination}
        health-check {health}
        health-check-grace-period {grace}
        wait-for-capacity-timeout {wait}
        deletion-protection {protection}
    }
    rollout strategy={strategy} {
        auto-rollback {rollback}
        skip-matching {skip}
        warmup {warmup}
        timeout {timeout}
    }
    iam profile-path={path} {boundary} {
        managed-policy {managed}
        inline-policy "own" {inline}
    }
    tag "Team" {tag} propagate={propagate}
    {kapacitor}
}
"#;

#[rustfmt::skip]
pub(crate) const PARAMETERS: &[Parameter] = &[
    Parameter { change: Change::Another, ..own("name", &["name"], ("", "")) },
    Parameter { change: Change::Another, ..own("region", &["region"], ("", "")) },
    row("ami", &["ami", "ami.owner", "ami.name"], (r#""ami-0abcd1234abcd1234""#, r#"owner="self" name="kapacitor-ubuntu-*""#),
        ("/data/ImageId", r#""ami-0abcd1234abcd1234""#, r#""ami-0abcd1234abcd1235""#), TEMPLATE),
    row("instance-type", &["instance-type"], (r#""t3.small""#, r#""t3.large""#), ("/data/InstanceType", r#""t3.small""#, r#""t3.large""#), TEMPLATE),
    row("tenancy", &["tenancy"], ("", r#"tenancy "dedicated""#), ("/data/Placement/Tenancy", r#""default""#, r#""dedicated""#), TEMPLATE),
    row("ebs-optimized", &["ebs-optimized"], ("", "ebs-optimized #true"), ("/data/EbsOptimized", "null", "true"), TEMPLATE),
    row("spot", &["spot", "spot.max-price"], ("", r#"spot max-price="0.05""#),
        ("/data/InstanceMarketOptions/SpotOptions/MaxPrice", "null", r#""0.05""#), TEMPLATE),
    fixed("vpc", &["network.vpc"], (r#""@VPC@""#, r#""@OTHER-VPC@""#), "AWS cannot move a group"),
    row("public-ip", &["network.public-ip"], ("#false", "#true"), ("/interface/AssociatePublicIpAddress", "false", "true"), TEMPLATE),
    Parameter { wire: None, ..row("subnets", &["network.subnets[]"], (r#""@SUBNET-1@""#, r#""@SUBNET-1@" "@SUBNET-2@""#), ("", "", ""), GROUP) },
    row("ssh-port", &["ssh.port"], ("22", "2222"), ("/own/0", r#""in 22 10.0.0.0/8 office""#, r#""in 2222 10.2.0.0/16 VPN""#), &["ModifySecurityGroupRules"]),
    row("key", &["ssh.key"], ("", r#"key="ops""#), ("/data/KeyName", "null", r#""ops""#), TEMPLATE),
    Parameter { wire: None, ..row("ssh-allow", &["ssh.allow[].description"], (r#"cidr="10.0.0.0/8" description="office""#, r#"cidr="10.2.0.0/16" description="VPN""#),
        ("", "", ""), &["ModifySecurityGroupRules"]) },
    Parameter { wire: None, ..row("http-port", &["http.port"], ("9092", "9093"), ("", "", ""), &["ModifySecurityGroupRules"]) },
    row("security-group", &["http.security-group"], ("", r#"security-group="@BASTION@""#),
        ("/bastion", "[]", r#"["in 9093 10.3.0.0/16 dashboards"]"#), &["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"]),
    Parameter { wire: None, ..row("http-allow", &["http.allow[].description"], (r#"cidr="10.1.0.0/16" description="clients""#, r#"cidr="10.3.0.0/16" description="dashboards""#),
        ("", "", ""), &["ModifySecurityGroupRules"]) },
    row("egress", &["egress[].ports", "egress[].description"], (r#"cidr="0.0.0.0/0" description="anywhere""#, r#"cidr="10.0.0.0/8" ports="443" description="inside""#),
        ("/own/1", r#""in 9092 10.1.0.0/16 clients""#, r#""out 443 10.0.0.0/8 inside""#), &["AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress"]),
    row("imds", &["metadata.enabled"], ("#true", "#false"), ("/data/MetadataOptions/HttpEndpoint", r#""enabled""#, r#""disabled""#), TEMPLATE),
    row("tokens", &["metadata.tokens"], (r#""required""#, r#""optional""#), ("/data/MetadataOptions/HttpTokens", r#""required""#, r#""optional""#), TEMPLATE),
    row("hops", &["metadata.hop-limit"], ("1", "2"), ("/data/MetadataOptions/HttpPutResponseHopLimit", "1", "2"), TEMPLATE),
    row("root-type", &["root-volume.type", "root-volume.iops", "root-volume.throughput"],
        (r#"type="gp3" iops=3000 throughput=125"#, r#"type="io2" iops=4000"#), ("/root-device/Iops", "3000", "4000"), TEMPLATE),
    row("root-size", &["root-volume.size"], ("50", "60"), ("/root-device/VolumeSize", "50", "60"), TEMPLATE),
    row("root-encryption", &["root-volume.encrypted", "root-volume.kms-key"], ("encrypted=#false", r#"encrypted=#true kms-key="alias/metrics""#),
        ("/root-device/KmsKeyId", "null", r#""alias/metrics""#), TEMPLATE),
    row("root-stays", &["root-volume.delete-on-termination"], ("#true", "#false"), ("/root-device/DeleteOnTermination", "true", "false"), TEMPLATE),
    row("h-type", &["volume[].type", "volume[].iops", "volume[].throughput"],
        (r#"type="io2" iops=3000"#, r#"type="gp3" iops=4000 throughput=250"#), ("/h/Throughput", "null", "250"), TEMPLATE),
    row("h-size", &["volume[].size"], ("100", "200"), ("/h/VolumeSize", "100", "200"), TEMPLATE),
    row("h-encryption", &["volume[].encrypted", "volume[].kms-key"], ("encrypted=#false", r#"encrypted=#true kms-key="alias/metrics""#),
        ("/h/Encrypted", "false", "true"), TEMPLATE),
    row("h-stays", &["volume[].delete-on-termination"], ("#false", "#true"), ("/h/DeleteOnTermination", "false", "true"), TEMPLATE),
    row("i-snapshot", &["volume[].snapshot"], ("encrypted=#false", r#"encrypted=#false snapshot="@SNAPSHOT@""#), ("/i/SnapshotId", "null", r#""@SNAPSHOT@""#), TEMPLATE),
    Parameter { wire: None, ..row("user-data", &["user-data"], (r##""#!/bin/sh\necho one\n""##, r##""#!/bin/sh\necho two\n""##), ("", "", ""), TEMPLATE) },
    row("termination", &["scaling.termination-policies"], (r#""Default""#, r#""OldestLaunchTemplate" "Default""#),
        ("/group/TerminationPolicies", r#"["Default"]"#, r#"["OldestLaunchTemplate","Default"]"#), GROUP),
    row("health", &["scaling.health-check"], (r#""ec2""#, r#""elb""#), ("/group/HealthCheckType", r#""EC2""#, r#""ELB""#), GROUP),
    row("grace", &["scaling.health-check-grace-period"], (r#""10m""#, r#""90s""#), ("/group/HealthCheckGracePeriod", "600", "90"), GROUP),
    own("wait", &["scaling.wait-for-capacity-timeout"], (r#""0s""#, r#""10m""#)),
    row("protection", &["scaling.deletion-protection"], ("#true", "#false"), ("/group/DeletionProtection", r#""prevent-all-deletion""#, r#""none""#), GROUP),
    row("strategy", &["rollout.strategy"], (r#""terminate-first""#, r#""launch-first""#),
        ("/group/InstanceMaintenancePolicy", "null", r#"{"MinHealthyPercentage":100,"MaxHealthyPercentage":200}"#), GROUP),
    own("rollback", &["rollout.auto-rollback"], ("#true", "#false")),
    own("skip", &["rollout.skip-matching"], ("#true", "#false")),
    row("warmup", &["rollout.warmup"], (r#""2m""#, r#""30s""#), ("/group/DefaultInstanceWarmup", "120", "30"), GROUP),
    own("timeout", &["rollout.timeout"], (r#""1h""#, r#""30m""#)),
    fixed("path", &["iam.profile-path"], (r#""/""#, r#""/metrics/""#), "IAM cannot change a path"),
    row("boundary", &["iam.boundary"], ("", r#"boundary="@EDGE@""#), ("/boundary", "null", r#""@EDGE@""#), &["PutRolePermissionsBoundary", "TagRole"]),
    row("managed", &["iam.managed-policy[]"], (r#""arn:aws:iam::aws:policy/ReadOnlyAccess""#, r#""arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy""#),
        ("/attached", r#"["ReadOnlyAccess"]"#, r#"["CloudWatchAgentServerPolicy"]"#), &["AttachRolePolicy", "DetachRolePolicy", "TagRole", "TagRole"]),
    row("inline", &["iam.inline-policy[]"], (r#""{\"Statement\":[{\"Action\":\"s3:List*\",\"Effect\":\"Allow\",\"Resource\":\"*\"}],\"Version\":\"2012-10-17\"}""#, r#""{\"Statement\":[{\"Action\":\"s3:Get*\",\"Effect\":\"Allow\",\"Resource\":\"*\"}],\"Version\":\"2012-10-17\"}""#),
        ("/inline/Statement", r#"[{"Action":"s3:List*","Effect":"Allow","Resource":"*"}]"#, r#"[{"Action":"s3:Get*","Effect":"Allow","Resource":"*"}]"#), &["PutRolePolicy"]),
    row("tag", &["tag[]"], (r#""metrics""#, r#""observability""#), ("/tag/Value", r#""metrics""#, r#""observability""#),
        &["CreateLaunchTemplateVersion", "CreateOrUpdateTags", "CreateTags", "TagInstanceProfile", "TagRole", "UpdateAutoScalingGroup"]),
    row("propagate", &["tag[].propagate"], ("#true", "#false"), ("/launched", r#"["metrics","metrics"]"#, "[null,null]"),
        &["CreateLaunchTemplateVersion", "CreateOrUpdateTags", "UpdateAutoScalingGroup"]),
    Parameter { wire: None, drifts: false, ..row("kapacitor", &[
        "kapacitor.hostname", "kapacitor.influxdb", "kapacitor.storage.device", "kapacitor.storage.mount-point", "kapacitor.owner",
        "kapacitor.log-level", "kapacitor.tls.certificate", "kapacitor.tls.key", "kapacitor.extra-config", "user-data",
    ], ("", r#"kapacitor { influxdb "http://influxdb:8086"; storage device="/dev/xvdh" mount-point="/var/lib/kapacitor"; }"#), ("", "", ""), TEMPLATE) },
];

/// What somebody does by hand to a cluster in which everything is changed: everything is set back, or away.
pub(crate) fn tampering(with: &dyn Fn(Value) -> Value, own: &str, bastion: &str, subnet: &str) -> Vec<(&'static str, &'static str, Value)> {
    let role = "kapacitor-stage-us-east-1";
    let rule = |group: &str, port: u16, cidr: &str| json!({ "GroupId": group, "IpPermissions": [{ "IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{ "CidrIp": cidr }] }] });
    vec![
        ("ec2", "revoke_security_group_ingress", rule(own, 2222, "10.2.0.0/16")),
        ("ec2", "revoke_security_group_ingress", rule(bastion, 9093, "10.3.0.0/16")),
        ("ec2", "revoke_security_group_egress", rule(own, 443, "10.0.0.0/8")),
        // The first version of the template is the config before all changes.
        (
            "autoscaling",
            "update_auto_scaling_group",
            with(json!({
                "LaunchTemplate": { "LaunchTemplateName": "kapacitor-stage", "Version": "1" },
                "TerminationPolicies": ["NewestInstance"], "HealthCheckType": "EC2", "HealthCheckGracePeriod": 7, "DefaultInstanceWarmup": 7,
                "DeletionProtection": "prevent-force-deletion", "VPCZoneIdentifier": subnet,
                "InstanceMaintenancePolicy": { "MinHealthyPercentage": -1, "MaxHealthyPercentage": -1 },
            })),
        ),
        (
            "autoscaling",
            "create_or_update_tags",
            json!({ "Tags": [{ "ResourceId": "kapacitor-stage", "ResourceType": "auto-scaling-group", "Key": "Team", "Value": "x", "PropagateAtLaunch": true }] }),
        ),
        ("iam", "detach_role_policy", json!({ "RoleName": role, "PolicyArn": "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy" })),
        ("iam", "delete_role_policy", json!({ "RoleName": role, "PolicyName": "own" })),
        ("iam", "delete_role_permissions_boundary", json!({ "RoleName": role })),
    ]
}
