//! EBS's limits. Source: the EBS user guide's tables of volume types and the API model of EC2 (`EbsBlockDevice`), August 2026.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::{Parts, Problems};
use crate::model::{VolumeSettings, VolumeType};
use crate::{Code, Path};

/// IOPS and throughput that a gp3 volume has when nobody says otherwise.
const GP3_BASE_IOPS: u32 = 3000;

struct Limits {
    size_gib: RangeInclusive<u32>,
    /// Range, and IOPS that each GiB allows.
    iops: Option<(RangeInclusive<u32>, u32)>,
    iops_required: bool,
    /// MiB a second.
    throughput: Option<RangeInclusive<u32>>,
    boots: bool,
}

fn limits(volume_type: VolumeType) -> Limits {
    let plain = |size_gib, boots| Limits { size_gib, iops: None, iops_required: false, throughput: None, boots };
    match volume_type {
        VolumeType::Gp3 => Limits {
            size_gib: 1..=65_536,
            iops: Some((GP3_BASE_IOPS..=80_000, 500)),
            iops_required: false,
            throughput: Some(125..=2000),
            boots: true,
        },
        VolumeType::Io2 => {
            Limits { size_gib: 4..=65_536, iops: Some((100..=256_000, 1000)), iops_required: true, throughput: None, boots: true }
        }
        VolumeType::Io1 => {
            Limits { size_gib: 4..=16_384, iops: Some((100..=64_000, 50)), iops_required: true, throughput: None, boots: true }
        }
        VolumeType::Gp2 => plain(1..=16_384, true),
        VolumeType::St1 | VolumeType::Sc1 => plain(125..=16_384, false),
        VolumeType::Standard => plain(1..=1024, true),
    }
}

pub(super) fn check(parts: &Parts<'_>, problems: &mut Problems) {
    let root = Path::root().field("root-volume");
    if !limits(parts.root_volume.volume_type).boots {
        let problem = format!("is {}, from which EC2 cannot boot", parts.root_volume.volume_type);
        problems.add(Code::RootVolumeType, &root.field("type"), problem, "use gp3, and a further volume for what needs throughput");
    }
    settings(&root, parts.root_volume, problems);
    let mut by_letter: BTreeMap<&str, Path> = BTreeMap::new();
    for (device, volume) in parts.volumes {
        let at = Path::root().field("volume").key(device);
        settings(&at, &volume.settings, problems);
        let text = device.as_str();
        if matches!(text, "/dev/sda1" | "/dev/xvda") {
            problems.add(
                Code::InvalidDevice,
                &at,
                "is the root device of most images",
                "say it with `root-volume`, or take another device such as /dev/xvdh",
            );
        }
        // The kernel calls both /dev/sdh and /dev/xvdh by the same name.
        let letter = text.strip_prefix("/dev/sd").or_else(|| text.strip_prefix("/dev/xvd")).unwrap_or(text);
        if let Some(other) = by_letter.get(letter) {
            problems.clash(Code::Duplicate, &at, other, "names the same device again", "take another letter");
        }
        by_letter.insert(letter, at);
    }
}

fn settings(at: &Path, volume: &VolumeSettings, problems: &mut Problems) {
    let VolumeSettings { volume_type, size_gib, iops, throughput_mibps, encrypted, .. } = *volume;
    let limits = limits(volume_type);
    let type_at = at.field("type");
    if !limits.size_gib.contains(&size_gib) {
        let range = shown(&limits.size_gib);
        let help = format!("a {volume_type} volume has {range} GiB");
        problems.clash(Code::VolumeSize, &at.field("size"), &type_at, format!("is not within {range} GiB"), help);
    }
    let iops_at = at.field("iops");
    match (iops, &limits.iops) {
        (Some(_), None) => {
            let help = "leave `iops` out, or take gp3, io1 or io2";
            problems.clash(Code::VolumeIops, &iops_at, &type_at, format!("is not for {volume_type}"), help);
        }
        (Some(iops), Some((range, per_gib))) => {
            let most = size_gib.saturating_mul(*per_gib).max(*range.start());
            if !range.contains(&iops) {
                let help = format!("a {volume_type} volume has {} IOPS", shown(range));
                problems.clash(Code::VolumeIops, &iops_at, &type_at, format!("is not within {}", shown(range)), help);
            } else if iops > most {
                let help =
                    format!("{volume_type} takes {per_gib} IOPS for each GiB, so {most} here: make the volume larger or ask for less");
                problems.clash(Code::VolumeIops, &iops_at, &at.field("size"), "is more than the size allows", help);
            }
        }
        (None, Some((range, _))) if limits.iops_required => {
            let help = format!("say `iops=…`, {} for {volume_type}", shown(range));
            problems.add(Code::VolumeIops, &iops_at, format!("is missing, and {volume_type} needs it"), help);
        }
        (None, _) => {}
    }
    let throughput_at = at.field("throughput");
    match (throughput_mibps, &limits.throughput) {
        (Some(_), None) => {
            let help = "leave `throughput` out, or take gp3";
            problems.clash(Code::VolumeThroughput, &throughput_at, &type_at, format!("is not for {volume_type}"), help);
        }
        (Some(throughput), Some(range)) if !range.contains(&throughput) => {
            let help = format!("a {volume_type} volume has {} MiB/s", shown(range));
            problems.clash(Code::VolumeThroughput, &throughput_at, &type_at, format!("is not within {} MiB/s", shown(range)), help);
        }
        (Some(throughput), Some(_)) if throughput > iops.unwrap_or(GP3_BASE_IOPS) / 4 => {
            let help =
                format!("gp3 takes a quarter MiB/s for each IOPS: ask for {} IOPS or for less throughput", throughput.saturating_mul(4));
            problems.clash(Code::VolumeThroughput, &throughput_at, &iops_at, "is more than the IOPS allow", help);
        }
        _ => {}
    }
    if volume.kms_key.is_some() && !encrypted {
        problems.clash(
            Code::KmsKeyWithoutEncryption,
            &at.field("kms-key"),
            &at.field("encrypted"),
            "is named for a volume that is not encrypted",
            "say `encrypted=#true`, or leave the key out",
        );
    }
}

fn shown(range: &RangeInclusive<u32>) -> String {
    format!("{} to {}", range.start(), range.end())
}
