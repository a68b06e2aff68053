//! The one list of what can be wrong with a config or a policy set: stable codes, each with its explanation.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident => $code:literal,)*) => {
        /// What kind of mistake a [`crate::Diagnostic`] or [`crate::Problem`] reports. The words are stable: scripts may filter by them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl Code {
            /// Every code, in the order of the reference.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The stable name, kebab-case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// One paragraph for the reference: what it means and what to do.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii()),* }
            }
        }
    };
}

codes! {
    /// The text is not KDL 2, so nothing in it can be read. Strings stand in double quotes, true and false are `#true` and `#false`, and every `{` has its `}`.
    Syntax => "syntax",
    /// A config is at most 1 MiB. Long scripts belong into a file of their own, named with `(file)`.
    FileTooLarge => "file-too-large",
    /// Blocks, comments or `/-` marks are nested deeper than any config needs. The deepest node of a config stands in four blocks.
    TooDeep => "too-deep",
    /// The file holds more mistakes than are shown at once. Mend those that are shown and look again.
    MoreMistakes => "more-mistakes",
    /// The file describes no cluster. It needs at least one `cluster "name" region="…" { … }`.
    NoCluster => "no-cluster",
    /// There is no node of this name here. Nothing is ignored: a misspelt node would silently leave a default in place.
    UnknownNode => "unknown-node",
    /// There is no property of this name here. Nothing is ignored: a misspelt property would silently leave a default in place.
    UnknownProperty => "unknown-property",
    /// A node has more arguments than it takes, or a property where it takes none.
    UnexpectedArgument => "unexpected-argument",
    /// A node that holds a plain value has a block of children.
    UnexpectedChildren => "unexpected-children",
    /// A type annotation says where a value comes from: `(env)` and `(file)` on any text, `(ssm)` and `(lookup)` on `ami` alone.
    UnknownAnnotation => "unknown-annotation",
    /// A node that every cluster needs is not there.
    MissingNode => "missing-node",
    /// A value that its node needs is not there.
    MissingValue => "missing-value",
    /// The same thing is said twice. Networks are compared in canonical form (`10.1.2.3/8` is `10.0.0.0/8`), devices by their letter (`/dev/sdh` is `/dev/xvdh`).
    Duplicate => "duplicate",
    /// Two values are given of which only one can hold.
    Conflict => "conflict",
    /// A value has the wrong type: text, whole number, or `#true` and `#false`.
    WrongType => "wrong-type",
    /// A number or a length of time lies outside of what AWS takes.
    OutOfRange => "out-of-range",
    /// A length of time is seconds as a whole number, or a text such as `"90s"`, `"10m"` or `"1h30m"`.
    InvalidDuration => "invalid-duration",
    /// The value is none of the words that may stand here.
    UnknownWord => "unknown-word",
    /// The cluster's name does not fit the names of the AWS resources that are made from it.
    InvalidName => "invalid-name",
    /// The text is no AWS region, such as `us-east-1`.
    InvalidRegion => "invalid-region",
    /// The text is no id of the AWS resource that is meant: its prefix, a dash, and hexadecimal digits.
    InvalidId => "invalid-id",
    /// The text is no network in CIDR form, such as `10.0.0.0/8` or `2001:db8::/32`. One address alone is `/32`, in IPv6 `/128`.
    InvalidCidr => "invalid-cidr",
    /// Ports are one number or a range from low to high, each 1 to 65535.
    InvalidPorts => "invalid-ports",
    /// The description of a rule of a security group is 1 to 255 of the characters that EC2 takes.
    InvalidDescription => "invalid-description",
    /// The text is no block device, or is one that belongs to the root volume.
    InvalidDevice => "invalid-device",
    /// The text is no Amazon resource name of the kind that is meant.
    InvalidArn => "invalid-arn",
    /// A tag's key or value does not fit AWS's rules, or its key belongs to AWS or to kaphost.
    InvalidTag => "invalid-tag",
    /// The text is no JSON object, as an IAM policy document must be.
    InvalidJson => "invalid-json",
    /// The value does not fit AWS's rules for its field.
    InvalidValue => "invalid-value",
    /// EC2 takes at most 16,384 bytes of user data. Let a short script fetch the long one.
    UserDataTooLong => "user-data-too-long",
    /// `(env)` names a variable that is not set.
    MissingVariable => "missing-variable",
    /// `(file)` names a file that cannot be read as UTF-8 text.
    UnreadableFile => "unreadable-file",
    /// AWS refuses spot instances with tenancy `default` said explicitly. Leave `tenancy` out, or make it `dedicated`.
    TenancyWithSpot => "tenancy-with-spot",
    /// A volume's size lies outside of what its type takes.
    VolumeSize => "volume-size",
    /// IOPS are for gp3, io1 and io2 (which need them), within the limits of the type and of the volume's size.
    VolumeIops => "volume-iops",
    /// Throughput is for gp3 alone, within its limits and a quarter MiB/s for each IOPS.
    VolumeThroughput => "volume-throughput",
    /// EC2 cannot boot from st1 or sc1.
    RootVolumeType => "root-volume-type",
    /// A KMS key is named for a volume that is not encrypted.
    KmsKeyWithoutEncryption => "kms-key-without-encryption",
    /// AWS takes 50 tags on a resource; kaphost and Auto Scaling need some of them, and 40 are left.
    TooManyTags => "too-many-tags",
    /// SSH and HTTP share one port: the server cannot listen twice on it.
    PortClash => "port-clash",
    /// The name of the role, which is the cluster's name and its region, is longer than IAM's 64 characters.
    NameTooLong => "name-too-long",
    /// Kapacitor's storage names a device that is none of the cluster's volumes.
    UnknownDevice => "unknown-device",
    /// A warning: the network was given with host bits, which AWS sets to zero. Write the canonical form to see what will be in force.
    HostBits => "host-bits",
    /// A policy set names no policy. It needs at least one `policy "name" path="…" sha256="…" enforcement="…"`.
    EmptySet => "empty-set",
    /// A digest in a policy set is 64 hexadecimal digits in lower case, as `sha256sum` prints them.
    InvalidDigest => "invalid-digest",
    /// A module in a registry is named as `oci://HOST/NAME:TAG@sha256:DIGEST`.
    InvalidReference => "invalid-reference",
    /// A module in a registry is named by a tag alone, which may be moved. `kaphost policy lock` writes the digest behind it.
    Unpinned => "unpinned",
    /// A key that signs is named by its public half: the line of its PEM between BEGIN and END, of an Ed25519 key.
    InvalidKey => "invalid-key",
    /// A grant is a path of a cluster such as `ssh.allow`, with `[*]` for any key, or `*` for everything.
    InvalidPattern => "invalid-pattern",
    /// An instant is written as RFC 3339 has it, with its offset: `2027-01-31T00:00:00Z`.
    InvalidInstant => "invalid-instant",
    /// A waiver is for a policy that its own set does not name, or for a rule that the policy does not have. It would waive nothing.
    UnknownTarget => "unknown-target",
    /// A module calls itself by another name than the policy set does.
    OtherPolicy => "other-policy",
    /// A policy takes no setting of this name.
    UnknownSetting => "unknown-setting",
    /// A setting without a default is not given.
    MissingSetting => "missing-setting",
    /// A setting has another type than the policy says.
    MistypedSetting => "mistyped-setting",
    /// A setting is a number outside of the range that the policy says.
    SettingOutOfRange => "setting-out-of-range",
    /// A setting's text is longer than what can travel with every call of the policy.
    SettingTooLong => "setting-too-long",
}

impl Code {
    /// Those that only policy sets can earn.
    pub const OF_SETS: &[Self] = &[
        Self::EmptySet,
        Self::InvalidDigest,
        Self::InvalidReference,
        Self::Unpinned,
        Self::InvalidKey,
        Self::InvalidPattern,
        Self::InvalidInstant,
        Self::UnknownTarget,
        Self::OtherPolicy,
        Self::UnknownSetting,
        Self::MissingSetting,
        Self::MistypedSetting,
        Self::SettingOutOfRange,
        Self::SettingTooLong,
    ];
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_kebab_case_and_explained() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{code}");
            assert!(code.explanation().len() > 30 && code.explanation().ends_with('.'), "{code}: {}", code.explanation());
        }
    }
}
