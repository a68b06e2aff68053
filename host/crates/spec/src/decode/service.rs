//! `scaling`, `rollout`, `iam`, `tag`, `kapacitor`.

use std::collections::BTreeMap;

use super::section::{Said, Section};
use super::value::{Value, Wrong};
use crate::check::{MAX_SECONDS, canonical_json};
use crate::model::{HealthCheck, Iam, Kapacitor, LogLevel, Rollout, RolloutStrategy, Scaling, Storage, Tag, TerminationPolicy, Tls};
use crate::names::{Arn, PolicyName, ProfilePath, TagKey};
use crate::{Code, Leaf};

/// Seconds, both as in the Terraform module.
const GRACE_PERIOD_S: u32 = 600;
const CAPACITY_TIMEOUT_S: u32 = 600;
const ROLLOUT_TIMEOUT_S: u32 = 3600;
/// The user that the packages of Kapacitor make.
const OWNER: &str = "kapacitor";

/// Any time that AWS takes, none included.
fn time(value: &Value<'_>) -> Result<u32, Wrong> {
    value.seconds(0, MAX_SECONDS)
}

pub(super) fn scaling(top: &Section<'_>) -> Scaling {
    let section = top.section("scaling");
    let policies = section.list("termination-policies", |value| value.keyword(TerminationPolicy::WORDS));
    section.default("termination-policies", Leaf::Texts(vec![TerminationPolicy::Default.to_string()]));
    let scaling = Scaling {
        termination_policies: policies
            .map_or_else(|| vec![TerminationPolicy::Default], |list| list.into_iter().map(|(policy, _)| policy).collect()),
        health_check: section.or("health-check", HealthCheck::default(), |value| value.keyword(HealthCheck::WORDS)),
        health_check_grace_period_s: section.or("health-check-grace-period", GRACE_PERIOD_S, time),
        wait_for_capacity_timeout_s: section.or("wait-for-capacity-timeout", CAPACITY_TIMEOUT_S, time),
        deletion_protection: section.or("deletion-protection", false, Value::flag),
    };
    section.finish();
    scaling
}

pub(super) fn rollout(top: &Section<'_>) -> Rollout {
    let section = top.section("rollout");
    let rollout = Rollout {
        strategy: section.or("strategy", RolloutStrategy::default(), |value| value.keyword(RolloutStrategy::WORDS)),
        auto_rollback: section.or("auto-rollback", true, Value::flag),
        skip_matching: section.or("skip-matching", true, Value::flag),
        warmup_s: section.maybe("warmup", time),
        timeout_s: section.or("timeout", ROLLOUT_TIMEOUT_S, |value| value.seconds(1, MAX_SECONDS)),
    };
    section.finish();
    rollout
}

pub(super) fn iam(top: &Section<'_>) -> Iam {
    let section = top.section("iam");
    let profile_path = section.maybe("profile-path", |value| value.parse(Code::InvalidValue));
    let boundary = section.maybe("boundary", |value| value.parse(Code::InvalidArn));
    let mut managed_policies = std::collections::BTreeSet::new();
    for (arn, policy) in section.keyed::<Arn>("managed-policy", Code::InvalidArn) {
        policy.finish();
        managed_policies.extend(arn);
    }
    let mut inline_policies = BTreeMap::new();
    for (name, policy) in section.keyed::<PolicyName>("inline-policy", Code::InvalidValue) {
        let path = policy.at.clone();
        let document = match policy.argument(1, &path, document) {
            Said::Is(document) => Some(document),
            Said::Wrong => None,
            Said::No | Said::Null => {
                policy.missing(
                    Code::MissingValue,
                    "a document",
                    "write the JSON as the second argument: `inline-policy \"name\" (file)\"policy.json\"`",
                );
                None
            }
        };
        policy.finish();
        inline_policies.extend(name.zip(document).map(|(name, document)| (name.to_string(), document)));
    }
    section.default("profile-path", ProfilePath::root().to_string());
    section.finish();
    Iam { profile_path: profile_path.unwrap_or_else(ProfilePath::root), managed_policies, inline_policies, boundary }
}

fn document(value: &Value<'_>) -> Result<String, Wrong> {
    canonical_json(&value.long_text()?).map_err(|invalid| value.wrong(Code::InvalidJson, &invalid.problem, invalid.help))
}

pub(super) fn tags(top: &Section<'_>) -> BTreeMap<TagKey, Tag> {
    let mut tags = BTreeMap::new();
    for (key, section) in top.keyed::<TagKey>("tag", Code::InvalidTag) {
        let path = section.at.clone();
        let value = match section.argument(1, &path, |value| value.parse(Code::InvalidTag)) {
            Said::Is(value) => Some(value),
            Said::Wrong => None,
            Said::No | Said::Null => {
                section.missing(Code::MissingValue, "a value", "write it as the second argument: `tag \"Team\" \"metrics\"`");
                None
            }
        };
        let propagate = section.or("propagate", true, Value::flag);
        let value = section.stand_in(value, "-");
        section.finish();
        tags.extend(key.zip(value).map(|(key, value)| (key, Tag { value, propagate })));
    }
    tags
}

pub(super) fn kapacitor(top: &Section<'_>) -> Option<Kapacitor> {
    let section = top.optional_section("kapacitor")?;
    let influxdb = section.list("influxdb", Value::text);
    if influxdb.is_none() {
        section.missing(Code::MissingValue, "influxdb", "name at least one: `influxdb \"http://influxdb.example.com:8086\"`");
    }
    let owner = section.maybe("owner", Value::text);
    section.default("owner", OWNER.to_owned());
    let kapacitor = Kapacitor {
        hostname: section.maybe("hostname", Value::text),
        influxdb: influxdb.unwrap_or_default().into_iter().map(|(url, _)| url).collect(),
        storage: storage(&section),
        owner: owner.unwrap_or_else(|| OWNER.to_owned()),
        log_level: section.or("log-level", LogLevel::default(), |value| value.keyword(LogLevel::WORDS)),
        tls: tls(&section),
        extra_config: section.maybe("extra-config", Value::long_text),
    };
    section.finish();
    Some(kapacitor)
}

fn storage(kapacitor: &Section<'_>) -> Option<Storage> {
    let section = kapacitor.optional_section("storage")?;
    let device = section.need("device", "name one of the volumes: `device=\"/dev/xvdh\"`", |value| value.parse(Code::InvalidDevice));
    let mount_point = section.need("mount-point", "say where: `mount-point=\"/var/lib/kapacitor\"`", Value::text);
    let (device, mount_point) = (section.stand_in(device, "/dev/xvdz"), section.stand_in(mount_point, "/"));
    section.finish();
    Some(Storage { device: device?, mount_point: mount_point? })
}

fn tls(kapacitor: &Section<'_>) -> Option<Tls> {
    let section = kapacitor.optional_section("tls")?;
    let certificate = section.need("certificate", "name the file on the image: `certificate=\"/etc/kapacitor/tls.crt\"`", Value::text);
    let key = section.need("key", "name the file on the image: `key=\"/etc/kapacitor/tls.key\"`", Value::text);
    let (certificate, key) = (section.stand_in(certificate, "/"), section.stand_in(key, "/"));
    section.finish();
    Some(Tls { certificate: certificate?, key: key? })
}
