//! The table of parameters: what each is before and after its change, on the wire too, and what the change takes.

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

/// What somebody does by hand to a server in which the parameter is as after its change.
#[derive(Clone, Copy)]
pub(crate) enum Tamper {
    /// AWS holds nothing of it.
    Nothing,
    /// The group is made to launch the version of the template from before.
    OlderVersion,
    /// The group is updated: parameters of `update_auto_scaling_group` besides its name.
    Group(&'static str),
    /// A call of a service, with its parameters.
    Call(&'static str, &'static str, &'static str),
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
    pub(crate) tamper: Tamper,
}

impl Parameter {
    /// The paths by which a difference of it is told: what goes into the boot script is user data on AWS.
    pub(crate) fn named(&self) -> impl Iterator<Item = &'static str> {
        let boots = self.wire.is_some_and(|(pointer, ..)| pointer.starts_with("/boot"));
        self.paths.iter().copied().chain(boots.then_some("user-data"))
    }
}

type Values = (&'static str, &'static str);
type Wire = (&'static str, &'static str, &'static str);

const fn row(
    slot: &'static str,
    paths: &'static [&'static str],
    values: Values,
    wire: Wire,
    calls: &'static [&'static str],
    tamper: Tamper,
) -> Parameter {
    Parameter { slot, paths, before: values.0, after: values.1, wire: Some(wire), change: Change::Calls(calls), tamper }
}

/// What the launch template says.
const fn server(slot: &'static str, paths: &'static [&'static str], values: Values, wire: Wire) -> Parameter {
    row(slot, paths, values, wire, TEMPLATE, Tamper::OlderVersion)
}

/// What the Auto Scaling group says.
const fn group(slot: &'static str, paths: &'static [&'static str], values: Values, wire: Wire, tamper: &'static str) -> Parameter {
    row(slot, paths, values, wire, GROUP, Tamper::Group(tamper))
}

/// What AWS does not hold: it is about what kaphost does.
const fn own(slot: &'static str, paths: &'static [&'static str], values: Values) -> Parameter {
    Parameter { slot, paths, before: values.0, after: values.1, wire: None, change: Change::Calls(NOTHING), tamper: Tamper::Nothing }
}

const fn fixed(slot: &'static str, paths: &'static [&'static str], values: Values, words: &'static str) -> Parameter {
    Parameter { slot, paths, before: values.0, after: values.1, wire: None, change: Change::Refused(words), tamper: Tamper::Nothing }
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
    kapacitor {
        {hostname}
        influxdb {influxdb}
        {storage}
        {owner}
        log-level {level}
        {tls}
        {extra}
    }
}
"#;

/// Somebody takes a rule out of a group. `G` is the group, `P` the port, `C` the network.
macro_rules! revoked {
    ($direction:literal, $group:literal, $port:literal, $cidr:literal) => {
        Tamper::Call(
            "ec2",
            concat!("revoke_security_group_", $direction),
            concat!(
                r#"{"GroupId":""#,
                $group,
                r#"","IpPermissions":[{"IpProtocol":"tcp","FromPort":"#,
                $port,
                r#","ToPort":"#,
                $port,
                r#","IpRanges":[{"CidrIp":""#,
                $cidr,
                r#""}]}]}"#
            ),
        )
    };
}

#[rustfmt::skip]
pub(crate) const PARAMETERS: &[Parameter] = &[
    Parameter { change: Change::Another, ..own("name", &["name"], ("", "")) },
    Parameter { change: Change::Another, ..own("region", &["region"], ("", "")) },
    server("ami", &["ami", "ami.owner", "ami.name"], (r#""ami-0abcd1234abcd1234""#, r#"owner="self" name="kapacitor-ubuntu-*""#),
        ("/data/ImageId", r#""ami-0abcd1234abcd1234""#, r#""ami-0abcd1234abcd1235""#)),
    server("instance-type", &["instance-type"], (r#""t3.small""#, r#""t3.large""#), ("/data/InstanceType", r#""t3.small""#, r#""t3.large""#)),
    server("tenancy", &["tenancy"], ("", r#"tenancy "dedicated""#), ("/data/Placement/Tenancy", r#""default""#, r#""dedicated""#)),
    server("ebs-optimized", &["ebs-optimized"], ("", "ebs-optimized #true"), ("/data/EbsOptimized", "null", "true")),
    // Beside spot, tenancy `default` is left unsaid.
    server("spot", &["spot", "spot.max-price", "tenancy"], ("", r#"spot max-price="0.05""#),
        ("/data/InstanceMarketOptions/SpotOptions/MaxPrice", "null", r#""0.05""#)),
    fixed("vpc", &["network.vpc"], (r#""@VPC@""#, r#""@OTHER-VPC@""#), "AWS cannot move a group"),
    server("public-ip", &["network.public-ip"], ("#false", "#true"), ("/interface/AssociatePublicIpAddress", "false", "true")),
    group("subnets", &["network.subnets[]"], (r#""@SUBNET-1@""#, r#""@SUBNET-1@" "@SUBNET-2@""#),
        ("/subnets", r#"["@SUBNET-1@"]"#, r#"["@SUBNET-1@","@SUBNET-2@"]"#), r#"{"VPCZoneIdentifier":"@SUBNET-1@"}"#),
    row("ssh-port", &["ssh.port"], ("22", "2222"), ("/ssh/port", "22", "2222"), &["ModifySecurityGroupRules"], revoked!("ingress", "@OWN@", "2222", "10.0.0.0/8")),
    server("key", &["ssh.key"], ("", r#"key="ops""#), ("/data/KeyName", "null", r#""ops""#)),
    row("ssh-allow", &["ssh.allow[].description"], (r#"cidr="10.0.0.0/8" description="office""#, r#"cidr="10.2.0.0/16" description="VPN""#),
        ("/ssh/who", r#""10.0.0.0/8 office""#, r#""10.2.0.0/16 VPN""#), &["ModifySecurityGroupRules"], revoked!("ingress", "@OWN@", "22", "10.2.0.0/16")),
    // The boot script says the port too.
    row("http-port", &["http.port", "user-data"], ("9092", "9093"), ("/http/port", "9092", "9093"),
        &["CreateLaunchTemplateVersion", "ModifySecurityGroupRules", "StartInstanceRefresh"], revoked!("ingress", "@OWN@", "9093", "10.1.0.0/16")),
    row("security-group", &["http.security-group"], ("", r#"security-group="@BASTION@""#), ("/http/group", r#""@OWN@""#, r#""@BASTION@""#),
        &["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"], revoked!("ingress", "@BASTION@", "9092", "10.1.0.0/16")),
    row("http-allow", &["http.allow[].description"], (r#"cidr="10.1.0.0/16" description="clients""#, r#"cidr="10.3.0.0/16" description="dashboards""#),
        ("/http/who", r#""10.1.0.0/16 clients""#, r#""10.3.0.0/16 dashboards""#), &["ModifySecurityGroupRules"], revoked!("ingress", "@OWN@", "9092", "10.3.0.0/16")),
    row("egress", &["egress[].ports", "egress[].description"], (r#"cidr="0.0.0.0/0" description="anywhere""#, r#"cidr="10.0.0.0/8" ports="443" description="inside""#),
        // The rule that AWS puts into every group is what the config wants, and is nobody's.
        ("/out", "null", r#"{"group":"@OWN@","port":443,"who":"10.0.0.0/8 inside"}"#),
        &["AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress"], revoked!("egress", "@OWN@", "443", "10.0.0.0/8")),
    // The boot script says it too.
    server("imds", &["metadata.enabled", "user-data"], ("#true", "#false"), ("/data/MetadataOptions/HttpEndpoint", r#""enabled""#, r#""disabled""#)),
    server("tokens", &["metadata.tokens"], (r#""required""#, r#""optional""#), ("/data/MetadataOptions/HttpTokens", r#""required""#, r#""optional""#)),
    server("hops", &["metadata.hop-limit"], ("1", "2"), ("/data/MetadataOptions/HttpPutResponseHopLimit", "1", "2")),
    server("root-type", &["root-volume.type", "root-volume.iops", "root-volume.throughput"],
        (r#"type="gp3" iops=3000 throughput=125"#, r#"type="io2" iops=4000"#), ("/root-device/Iops", "3000", "4000")),
    server("root-size", &["root-volume.size"], ("50", "60"), ("/root-device/VolumeSize", "50", "60")),
    server("root-encryption", &["root-volume.encrypted", "root-volume.kms-key"], ("encrypted=#false", r#"encrypted=#true kms-key="alias/metrics""#),
        ("/root-device/KmsKeyId", "null", r#""alias/metrics""#)),
    server("root-stays", &["root-volume.delete-on-termination"], ("#true", "#false"), ("/root-device/DeleteOnTermination", "true", "false")),
    server("h-type", &["volume[].type", "volume[].iops", "volume[].throughput"],
        (r#"type="io2" iops=3000"#, r#"type="gp3" iops=4000 throughput=250"#), ("/h/Throughput", "null", "250")),
    server("h-size", &["volume[].size"], ("100", "200"), ("/h/VolumeSize", "100", "200")),
    server("h-encryption", &["volume[].encrypted", "volume[].kms-key"], ("encrypted=#false", r#"encrypted=#true kms-key="alias/metrics""#),
        ("/h/Encrypted", "false", "true")),
    server("h-stays", &["volume[].delete-on-termination"], ("#true", "#false"), ("/h/DeleteOnTermination", "true", "false")),
    server("i-snapshot", &["volume[].snapshot"], ("encrypted=#false", r#"encrypted=#false snapshot="@SNAPSHOT@""#), ("/i/SnapshotId", "null", r#""@SNAPSHOT@""#)),
    server("user-data", &["user-data"], (r##""#!/bin/sh\necho one\n""##, r##""#!/bin/sh\necho two\n""##), ("/boot/echo", r#""one""#, r#""two""#)),
    group("termination", &["scaling.termination-policies"], (r#""Default""#, r#""OldestLaunchTemplate" "Default""#),
        ("/group/TerminationPolicies", r#"["Default"]"#, r#"["OldestLaunchTemplate","Default"]"#), r#"{"TerminationPolicies":["NewestInstance"]}"#),
    group("health", &["scaling.health-check"], (r#""ec2""#, r#""elb""#), ("/group/HealthCheckType", r#""EC2""#, r#""ELB""#), r#"{"HealthCheckType":"EC2"}"#),
    group("grace", &["scaling.health-check-grace-period"], (r#""10m""#, r#""90s""#), ("/group/HealthCheckGracePeriod", "600", "90"), r#"{"HealthCheckGracePeriod":7}"#),
    own("wait", &["scaling.wait-for-capacity-timeout"], (r#""0s""#, r#""10m""#)),
    group("protection", &["scaling.deletion-protection"], ("#true", "#false"), ("/group/DeletionProtection", r#""prevent-all-deletion""#, r#""none""#),
        r#"{"DeletionProtection":"prevent-force-deletion"}"#),
    group("strategy", &["rollout.strategy"], (r#""terminate-first""#, r#""launch-first""#),
        ("/group/InstanceMaintenancePolicy", "null", r#"{"MinHealthyPercentage":100,"MaxHealthyPercentage":200}"#),
        r#"{"InstanceMaintenancePolicy":{"MinHealthyPercentage":-1,"MaxHealthyPercentage":-1}}"#),
    own("rollback", &["rollout.auto-rollback"], ("#true", "#false")),
    own("skip", &["rollout.skip-matching"], ("#true", "#false")),
    group("warmup", &["rollout.warmup"], (r#""2m""#, r#""30s""#), ("/group/DefaultInstanceWarmup", "120", "30"), r#"{"DefaultInstanceWarmup":7}"#),
    own("timeout", &["rollout.timeout"], (r#""1h""#, r#""30m""#)),
    fixed("path", &["iam.profile-path"], (r#""/""#, r#""/metrics/""#), "IAM cannot change a path"),
    row("boundary", &["iam.boundary"], ("", r#"boundary="@EDGE@""#), ("/boundary", "null", r#""@EDGE@""#), &["PutRolePermissionsBoundary", "TagRole"],
        Tamper::Call("iam", "delete_role_permissions_boundary", r#"{"RoleName":"@ROLE@"}"#)),
    row("managed", &["iam.managed-policy[]"], (r#""arn:aws:iam::aws:policy/ReadOnlyAccess""#, r#""arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy""#),
        ("/attached", r#"["ReadOnlyAccess"]"#, r#"["CloudWatchAgentServerPolicy"]"#), &["AttachRolePolicy", "DetachRolePolicy", "TagRole", "TagRole"],
        Tamper::Call("iam", "detach_role_policy", r#"{"RoleName":"@ROLE@","PolicyArn":"arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy"}"#)),
    row("inline", &["iam.inline-policy[]"], (r#""{\"Statement\":[{\"Action\":\"s3:List*\",\"Effect\":\"Allow\",\"Resource\":\"*\"}],\"Version\":\"2012-10-17\"}""#, r#""{\"Statement\":[{\"Action\":\"s3:Get*\",\"Effect\":\"Allow\",\"Resource\":\"*\"}],\"Version\":\"2012-10-17\"}""#),
        ("/inline/Statement", r#"[{"Action":"s3:List*","Effect":"Allow","Resource":"*"}]"#, r#"[{"Action":"s3:Get*","Effect":"Allow","Resource":"*"}]"#), &["PutRolePolicy"],
        Tamper::Call("iam", "delete_role_policy", r#"{"RoleName":"@ROLE@","PolicyName":"own"}"#)),
    row("tag", &["tag[]"], (r#""metrics""#, r#""observability""#), ("/tag/Value", r#""metrics""#, r#""observability""#),
        &["CreateLaunchTemplateVersion", "CreateOrUpdateTags", "CreateTags", "TagInstanceProfile", "TagRole", "UpdateAutoScalingGroup"],
        Tamper::Call("iam", "tag_role", r#"{"RoleName":"@ROLE@","Tags":[{"Key":"Team","Value":"x"}]}"#)),
    row("propagate", &["tag[].propagate"], ("#true", "#false"), ("/launched", r#"["Team","Team"]"#, "[null,null]"),
        &["CreateLaunchTemplateVersion", "CreateOrUpdateTags", "UpdateAutoScalingGroup"],
        Tamper::Call("autoscaling", "create_or_update_tags",
            r#"{"Tags":[{"ResourceId":"kapacitor-stage","ResourceType":"auto-scaling-group","Key":"Team","Value":"metrics","PropagateAtLaunch":true}]}"#)),
    server("hostname", &["kapacitor.hostname"], ("", r#"hostname "kapacitor.example.com""#),
        ("/boot/hostname_line", r#""''""#, r#""'hostname = \"kapacitor.example.com\"'""#)),
    server("influxdb", &["kapacitor.influxdb"], (r#""http://one:8086""#, r#""http://one:8086" "http://two:8086""#),
        ("/boot/urls", r#""[\"http://one:8086\"]""#, r#""[\"http://one:8086\", \"http://two:8086\"]""#)),
    server("storage", &["kapacitor.storage.device", "kapacitor.storage.mount-point"], ("", r#"storage device="/dev/xvdh" mount-point="/data""#),
        ("/boot/storage", "[null,null]", r#"["'/dev/xvdh'","'/data'"]"#)),
    server("owner", &["kapacitor.owner"], (r#"owner "kapacitor""#, r#"owner "metrics""#), ("/boot/owner", r#""'kapacitor'""#, r#""'metrics'""#)),
    server("level", &["kapacitor.log-level"], (r#""info""#, r#""debug""#), ("/boot/level", r#""\"INFO\"""#, r#""\"DEBUG\"""#)),
    server("tls", &["kapacitor.tls.certificate", "kapacitor.tls.key"], ("", r#"tls certificate="/etc/k/tls.crt" key="/etc/k/tls.key""#),
        ("/boot/tls", "[null,null]", r#"["\"/etc/k/tls.crt\"","\"/etc/k/tls.key\""]"#)),
    server("extra", &["kapacitor.extra-config"], ("", r##"extra-config "[slack]\n  channel = \"#metrics\"\n""##),
        ("/boot/channel", "null", r##""\"#metrics\"""##)),
];
