//! What the two modules take, and what becomes of each argument.

/// What the module does when an argument is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// It cannot do without.
    Refuses,
    /// It wants to be told, and null is an answer.
    RefusesSilence,
    /// Leaves it unset: null says the same.
    Unset,
    /// Takes a value of its own.
    Default,
}

/// One argument of a module.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) absent: Absent,
    /// The path in a cluster that it becomes.
    pub(crate) to: &'static str,
    /// What to write when it cannot be converted.
    pub(crate) instead: &'static str,
}

const fn argument(name: &'static str, absent: Absent, to: &'static str, instead: &'static str) -> Argument {
    Argument { name, absent, to, instead }
}

/// The variables of the module `kapacitor-server`, in its order.
pub(crate) const SERVER: &[Argument] = &[
    argument("cluster_name", Absent::Refuses, "name", "write the name behind `cluster`"),
    argument(
        "ami_id",
        Absent::Refuses,
        "ami",
        "write the image's id, `ami \"ami-…\"`, or look it up: `ami owner=\"self\" name=\"kapacitor-*\"`",
    ),
    argument("instance_type", Absent::Refuses, "instance-type", "write the type: `instance-type \"t3.small\"`"),
    argument("vpc_id", Absent::Refuses, "network.vpc", "write the id: `network vpc=\"vpc-…\"`"),
    argument("subnet_ids", Absent::Refuses, "network.subnets", "write the ids: `subnets \"subnet-…\" \"subnet-…\"`"),
    argument(
        "user_data",
        Absent::RefusesSilence,
        "user-data",
        "put the finished script into a file beside the config and write `user-data (file)\"user-data.sh\"`, or let a `kapacitor` node make it",
    ),
    argument("ssh_key_name", Absent::Unset, "ssh.key", "write the key pair's name: `ssh key=\"…\"`"),
    argument("allowed_ssh_cidr_blocks", Absent::Default, "ssh.allow", "write each network into `ssh`: `allow cidr=\"10.0.0.0/8\"`"),
    argument(
        "allowed_ssh_security_group_ids",
        Absent::Default,
        "ssh.allow",
        "write each group into `ssh`: `allow security-group=\"sg-…\"`",
    ),
    argument("allowed_ssh_security_group_ids_num", Absent::Unset, "ssh.allow", "leave it out: kaphost counts the groups itself"),
    argument(
        "termination_policies",
        Absent::Default,
        "scaling.termination-policies",
        "write it into `scaling`: `termination-policies \"Default\"`",
    ),
    argument("associate_public_ip_address", Absent::Default, "network.public-ip", "write `public-ip=#true` or `#false` behind `network`"),
    argument("spot_price", Absent::Unset, "spot.max-price", "write `spot max-price=\"0.05\"`, or `spot` alone for the on-demand price"),
    argument("tenancy", Absent::Unset, "tenancy", "write `tenancy \"dedicated\"`, or leave it out"),
    argument("root_volume_ebs_optimized", Absent::Default, "ebs-optimized", "write `ebs-optimized #true` or `#false`"),
    argument("root_volume_type", Absent::Default, "root-volume.type", "write it behind `root-volume`: `type=\"gp3\"`"),
    argument("root_volume_size", Absent::Default, "root-volume.size", "write GiB behind `root-volume`: `size=50`"),
    argument(
        "root_volume_delete_on_termination",
        Absent::Default,
        "root-volume.delete-on-termination",
        "write `delete-on-termination=#true` or `#false` behind `root-volume`",
    ),
    argument("root_volume_iops", Absent::Unset, "root-volume.iops", "write it behind `root-volume`: `iops=3000`"),
    argument(
        "ebs_block_devices",
        Absent::Default,
        "volume",
        "write a node for each: `volume \"/dev/xvdh\" type=\"gp2\" size=50 encrypted=#false`",
    ),
    argument(
        "wait_for_capacity_timeout",
        Absent::Default,
        "scaling.wait-for-capacity-timeout",
        "write it into `scaling`: `wait-for-capacity-timeout \"10m\"`",
    ),
    argument("health_check_type", Absent::Default, "scaling.health-check", "write it into `scaling`: `health-check \"ec2\"`"),
    argument(
        "health_check_grace_period",
        Absent::Default,
        "scaling.health-check-grace-period",
        "write it into `scaling`: `health-check-grace-period 600`",
    ),
    argument("instance_profile_path", Absent::Default, "iam.profile-path", "write `iam profile-path=\"/…/\"`"),
    argument("ssh_port", Absent::Default, "ssh.port", "write it behind `ssh`: `port=22`"),
    argument("tags", Absent::Default, "tag", "write a node for each: `tag \"Team\" \"metrics\"`"),
];

/// The variables of the module `kapacitor-security-group-rules`, in its order.
pub(crate) const RULES: &[Argument] = &[
    argument(
        "security_group_id",
        Absent::Refuses,
        "http.security-group",
        "write the rules into the `http` node of the cluster that they are for",
    ),
    argument("http_port", Absent::Refuses, "http.port", "write it behind `http`: `port=9092`"),
    argument("http_port_cidr_blocks", Absent::Default, "http.allow", "write each network into `http`: `allow cidr=\"10.0.0.0/8\"`"),
    argument("http_port_security_groups", Absent::Default, "http.allow", "write each group into `http`: `allow security-group=\"sg-…\"`"),
    argument("http_port_security_groups_num", Absent::Unset, "http.allow", "leave it out: kaphost counts the groups itself"),
];

/// What Terraform itself takes in a module block, and why a config holds nothing of it. `count` and `for_each` are not among them.
pub(crate) const OF_TERRAFORM: &[(&str, &str)] = &[
    ("source", "says where the module is"),
    ("version", "says which module it is"),
    ("providers", "says which provider has the region"),
    ("depends_on", "orders what Terraform does; kaphost knows its order"),
];

/// The outputs of the module, and their names in `kaphost output`.
pub(crate) const OUTPUTS: &[(&str, &str)] = &[
    ("asg_name", "asg_name"),
    ("launch_configuration_name", "launch_template_name"),
    ("iam_role_arn", "iam_role_arn"),
    ("iam_role_id", "iam_role_id"),
    ("security_group_id", "security_group_id"),
];

#[cfg(test)]
mod tests;
