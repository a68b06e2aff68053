//! How the planner's types stand in a lab's file. The planner itself writes them for people and never reads them back; this is the lab's own format.
//!
//! User data stands there in full, since comparing needs it: the file is for its owner's eyes (mode 0600).

use std::collections::{BTreeMap, BTreeSet};

use kaphost_plan::{DeviceContent, Direction, GroupSettings, GroupTag, Instance, Peer, Rule, RuleKey, Tags, TemplateContent, Traffic};
use kaphost_spec::UserData;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Rule", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct RuleDef {
    #[serde(with = "RuleKeyDef")]
    key: RuleKey,
    description: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RuleKey", rename_all = "kebab-case", deny_unknown_fields)]
struct RuleKeyDef {
    #[serde(with = "DirectionDef")]
    direction: Direction,
    #[serde(with = "TrafficDef")]
    traffic: Traffic,
    #[serde(with = "PeerDef")]
    peer: Peer,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Direction", rename_all = "kebab-case")]
enum DirectionDef {
    Ingress,
    Egress,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Traffic", rename_all = "kebab-case")]
enum TrafficDef {
    All,
    Ports { protocol: String, from: i32, to: i32 },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Peer", rename_all = "kebab-case")]
enum PeerDef {
    #[serde(with = "cidr")]
    Cidr(kaphost_spec::Cidr),
    SecurityGroup(String),
    Other(String),
}

mod cidr {
    use kaphost_spec::Cidr;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(cidr: &Cidr, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(cidr)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cidr, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|why| D::Error::custom(format!("`{text}` {why}")))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "TemplateContent<String>", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ContentDef {
    image: String,
    instance_type: String,
    key: Option<String>,
    instance_profile: String,
    security_groups: Vec<String>,
    public_ip: bool,
    tenancy: Option<String>,
    #[serde(with = "spot")]
    spot: Option<Option<String>>,
    ebs_optimized: Option<bool>,
    metadata_enabled: bool,
    metadata_tokens: String,
    metadata_hop_limit: u8,
    #[serde(with = "devices")]
    devices: BTreeMap<String, DeviceContent>,
    #[serde(with = "user_data")]
    user_data: Option<UserData>,
    instance_tags: Tags,
    volume_tags: Tags,
    foreign: BTreeSet<String>,
}

mod spot {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// `null` is on demand, `{}` is spot at the on-demand price: JSON has no null within a null.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct Spot {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_price: Option<String>,
    }

    #[expect(clippy::option_option, reason = "the planner's own shape: absent, present, present with a price")]
    #[expect(clippy::ref_option, reason = "the shape of a `with` module")]
    pub(super) fn serialize<S: Serializer>(spot: &Option<Option<String>>, serializer: S) -> Result<S::Ok, S::Error> {
        spot.as_ref().map(|max_price| Spot { max_price: max_price.clone() }).serialize(serializer)
    }

    #[expect(clippy::option_option, reason = "the planner's own shape: absent, present, present with a price")]
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
        Ok(Option::<Spot>::deserialize(deserializer)?.map(|spot| spot.max_price))
    }
}

mod user_data {
    use kaphost_spec::UserData;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de::Error as _};

    #[expect(clippy::ref_option, reason = "the shape of a `with` module")]
    pub(super) fn serialize<S: Serializer>(data: &Option<UserData>, serializer: S) -> Result<S::Ok, S::Error> {
        data.as_ref().map(UserData::expose).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UserData>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        // Never the text itself: it may be a secret, and errors are printed.
        text.map(UserData::new).transpose().map_err(|why| D::Error::custom(format!("user data {why}")))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "DeviceContent", rename_all = "kebab-case", deny_unknown_fields)]
struct DeviceDef {
    volume_type: String,
    size_gib: u32,
    iops: Option<u32>,
    throughput_mibps: Option<u32>,
    encrypted: bool,
    kms_key: Option<String>,
    delete_on_termination: bool,
    snapshot: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "GroupTag", rename_all = "kebab-case", deny_unknown_fields)]
struct GroupTagDef {
    value: String,
    propagate: bool,
}

/// A map whose values stand in the file by a definition of ours.
macro_rules! map_of {
    ($module:ident, $type:ident, $def:ident, $def_name:literal) => {
        pub(crate) mod $module {
            use super::*;

            #[derive(Deserialize)]
            struct Owned(#[serde(with = $def_name)] $type);

            #[derive(Serialize)]
            struct Borrowed<'a>(#[serde(serialize_with = "by_ref")] &'a $type);

            fn by_ref<S: Serializer>(value: &&$type, serializer: S) -> Result<S::Ok, S::Error> {
                $def::serialize(value, serializer)
            }

            pub(crate) fn serialize<S: Serializer>(map: &BTreeMap<String, $type>, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(map.iter().map(|(key, value)| (key, Borrowed(value))))
            }

            pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, $type>, D::Error> {
                let map = BTreeMap::<String, Owned>::deserialize(deserializer)?;
                Ok(map.into_iter().map(|(key, value)| (key, value.0)).collect())
            }
        }
    };
}

map_of!(devices, DeviceContent, DeviceDef, "DeviceDef");
map_of!(group_tags, GroupTag, GroupTagDef, "GroupTagDef");

#[derive(Serialize, Deserialize)]
#[serde(remote = "GroupSettings<u64>", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct SettingsDef {
    launch_template: String,
    template_version: u64,
    subnets: BTreeSet<String>,
    min: u32,
    max: u32,
    desired: u32,
    health_check: String,
    grace_period_s: u32,
    warmup_s: u32,
    termination_policies: Vec<String>,
    maintenance: Option<(u32, u32)>,
    deletion_protection: String,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Instance", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct InstanceDef {
    id: String,
    zone: String,
    lifecycle: String,
    health: String,
    template_version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    template: Option<String>,
}
