//! `root-volume` and `volume "/dev/…"`.

use std::collections::BTreeMap;

use super::section::Section;
use super::value::Value;
use crate::Code;
use crate::model::{Volume, VolumeSettings, VolumeType};
use crate::names::Device;

/// GiB, as in the Terraform module.
const ROOT_SIZE_GIB: u32 = 50;

/// The most that any type of volume takes; [`crate::check`] knows each type's own limits.
const MAX_SIZE_GIB: u32 = 65_536;
const MAX_IOPS: u32 = 256_000;
const MAX_THROUGHPUT_MIBPS: u32 = 2000;

pub(super) fn root(top: &Section<'_>) -> VolumeSettings {
    let section = top.section("root-volume");
    let size = section.or("size", ROOT_SIZE_GIB, |value| value.int(1, MAX_SIZE_GIB));
    let settings = settings(&section, size);
    section.finish();
    settings
}

pub(super) fn further(top: &Section<'_>) -> BTreeMap<Device, Volume> {
    let mut volumes = BTreeMap::new();
    for (device, section) in top.keyed::<Device>("volume", Code::InvalidDevice) {
        let size = section.need("size", "say how large, in GiB: `size=100`", |value| value.int(1, MAX_SIZE_GIB));
        let settings = settings(&section, size.unwrap_or(ROOT_SIZE_GIB));
        let snapshot = section.maybe("snapshot", |value| value.parse(Code::InvalidId));
        section.finish();
        if let Some(device) = device {
            volumes.insert(device, Volume { settings, snapshot });
        }
    }
    volumes
}

fn settings(section: &Section<'_>, size_gib: u32) -> VolumeSettings {
    VolumeSettings {
        volume_type: section.or("type", VolumeType::default(), |value| value.keyword(VolumeType::WORDS)),
        size_gib,
        iops: section.maybe("iops", |value| value.int(1, MAX_IOPS)),
        throughput_mibps: section.maybe("throughput", |value| value.int(1, MAX_THROUGHPUT_MIBPS)),
        encrypted: section.or("encrypted", true, Value::flag),
        kms_key: section.maybe("kms-key", |value| value.parse(Code::InvalidValue)),
        delete_on_termination: section.or("delete-on-termination", true, Value::flag),
    }
}
