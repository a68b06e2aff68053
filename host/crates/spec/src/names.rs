//! Validated text: a value of one of these types is one that AWS accepts. Limits are AWS's own unless a comment says otherwise.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Why a text is not what it was taken for. Says what is wrong and what would be right, never the text itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Invalid {
    /// What is wrong, as a clause: "is 51 characters long, 40 at most".
    pub problem: String,
    /// What would be right: "an image id is `ami-` and 8 or 17 hexadecimal digits".
    pub help: String,
}

impl Invalid {
    /// A problem and its remedy.
    pub fn new(problem: impl Into<String>, help: impl Into<String>) -> Self {
        Self { problem: problem.into(), help: help.into() }
    }
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;
            fn from_str(text: &str) -> Result<Self, Invalid> {
                $check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
    };
}

fn id(text: &str, prefix: &str, what: &str) -> Result<(), Invalid> {
    let help = || format!("{what} is `{prefix}` and 8 or 17 digits of 0-9 and a-f");
    let Some(digits) = text.strip_prefix(prefix) else {
        return Err(Invalid::new(format!("does not start with `{prefix}`"), help()));
    };
    if digits.is_empty() || digits.len() > 17 || !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(Invalid::new(format!("is not `{prefix}` and hexadecimal digits"), help()));
    }
    Ok(())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $check:ident, $prefix:literal, $what:literal;)*) => { $(
        fn $check(text: &str) -> Result<(), Invalid> {
            id(text, $prefix, $what)
        }
        text!($(#[$doc])* $name, $check);
    )* };
}

ids! {
    /// `ami-…`
    AmiId, ami_id, "ami-", "an image id";
    /// `vpc-…`
    VpcId, vpc_id, "vpc-", "a VPC id";
    /// `subnet-…`
    SubnetId, subnet_id, "subnet-", "a subnet id";
    /// `sg-…`
    SecurityGroupId, security_group_id, "sg-", "a security group id";
    /// `snap-…`
    SnapshotId, snapshot_id, "snap-", "a snapshot id";
}

text!(
    /// Namespaces every resource. Narrower than AWS: it must fit the role's name (64, with the region), be no different in upper
    /// case, and read as no security group id.
    ClusterName,
    cluster_name
);
text!(
    /// `us-east-1`
    Region,
    region
);
text!(
    /// `t3.small`
    InstanceType,
    instance_type
);
text!(
    /// The name of an EC2 key pair: at most 255 ASCII characters.
    KeyName,
    key_name
);
text!(
    /// A KMS key id, alias or ARN.
    KmsKey,
    kms_key
);
text!(
    /// A block device: `/dev/xvdh`.
    Device,
    device
);
text!(
    /// US dollars an hour: a decimal number over 0.001.
    MaxPrice,
    max_price
);
text!(
    /// An IAM path: `/` or `/…/`, at most 512 characters.
    ProfilePath,
    profile_path
);
impl ProfilePath {
    /// `/`
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }
}

text!(
    /// The name of an inline policy: 1 to 128 of `[A-Za-z0-9_+=,.@-]`.
    PolicyName,
    policy_name
);
text!(
    /// An Amazon resource name.
    Arn,
    arn
);
text!(
    /// At most 128 characters; `aws:` is AWS's, `kaphost:` is ours.
    TagKey,
    tag_key
);
text!(
    /// At most 256 characters.
    TagValue,
    tag_value
);

fn length(text: &str, min: usize, max: usize) -> Result<(), Invalid> {
    let count = text.chars().count();
    if (min..=max).contains(&count) {
        return Ok(());
    }
    let problem = match count {
        0 => "is empty".to_owned(),
        1 => "is 1 character long".to_owned(),
        _ => format!("is {count} characters long"),
    };
    Err(Invalid::new(problem, format!("use {min} to {max} characters")))
}

fn charset(text: &str, allowed: impl Fn(char) -> bool, help: &str) -> Result<(), Invalid> {
    match text.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(Invalid::new(format!("holds the character {c:?}"), help)),
        None => Ok(()),
    }
}

fn cluster_name(text: &str) -> Result<(), Invalid> {
    const HELP: &str = "a cluster's name is 3 to 40 of a-z, 0-9 and `-`, starts with a letter, and ends with a letter or digit";
    length(text, 3, 40)?;
    charset(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-', HELP)?;
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) || text.ends_with('-') {
        return Err(Invalid::new("starts or ends with the wrong character", HELP));
    }
    if text.starts_with("sg-") {
        return Err(Invalid::new("starts with `sg-`", "AWS takes such names for ids of security groups: choose another"));
    }
    Ok(())
}

fn region(text: &str) -> Result<(), Invalid> {
    const HELP: &str = "a region looks like `us-east-1` or `us-gov-west-1`";
    let parts: Vec<&str> = text.split('-').collect();
    let words = parts.len() >= 3 && parts.len() <= 4;
    let shape = parts.split_last().is_some_and(|(number, words)| {
        (1..=2).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_digit())
            && words.iter().all(|w| (2..=10).contains(&w.len()) && w.bytes().all(|b| b.is_ascii_lowercase()))
    });
    if words && shape { Ok(()) } else { Err(Invalid::new("is no AWS region", HELP)) }
}

fn instance_type(text: &str) -> Result<(), Invalid> {
    const HELP: &str = "an instance type looks like `t3.small` or `m7i-flex.2xlarge`";
    let good = text.split_once('.').is_some_and(|(family, size)| {
        !family.is_empty()
            && !size.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
            && !size.contains('.')
    });
    if good { Ok(()) } else { Err(Invalid::new("is no instance type", HELP)) }
}

fn key_name(text: &str) -> Result<(), Invalid> {
    length(text, 1, 255)?;
    charset(text, |c| c.is_ascii_graphic() || c == ' ', "a key pair's name is ASCII")?;
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err(Invalid::new("starts or ends with a space", "take the space away"));
    }
    Ok(())
}

fn kms_key(text: &str) -> Result<(), Invalid> {
    const HELP: &str = "a KMS key is a key id, `alias/…` or an ARN `arn:…:kms:…`";
    length(text, 1, 2048)?;
    charset(text, |c| c.is_ascii_alphanumeric() || "-_/:.".contains(c), HELP)?;
    let uuid_like = text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let good = text.starts_with("alias/") || (text.starts_with("arn:") && text.contains(":kms:")) || text.starts_with("mrk-") || uuid_like;
    if good { Ok(()) } else { Err(Invalid::new("is no KMS key", HELP)) }
}

fn device(text: &str) -> Result<(), Invalid> {
    const HELP: &str = "a device is `/dev/sd` or `/dev/xvd`, a letter or two, and perhaps a number: `/dev/xvdh`";
    let rest = text.strip_prefix("/dev/sd").or_else(|| text.strip_prefix("/dev/xvd"));
    let good = rest.is_some_and(|rest| {
        let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
        (1..=2).contains(&letters) && rest.len() - letters <= 2 && rest.bytes().skip(letters).all(|b| b.is_ascii_digit())
    });
    if good { Ok(()) } else { Err(Invalid::new("is no device name", HELP)) }
}

fn max_price(text: &str) -> Result<(), Invalid> {
    const HELP: &str = "a price is US dollars an hour over 0.001, such as `0.0456`";
    let plain = !text.is_empty() && text.len() <= 16 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match text.parse::<f64>() {
        Ok(price) if plain && price > 0.001 => Ok(()),
        Ok(_) if plain => Err(Invalid::new("is not over 0.001", HELP)),
        _ => Err(Invalid::new("is no price", HELP)),
    }
}

fn profile_path(text: &str) -> Result<(), Invalid> {
    const HELP: &str = "a path starts and ends with a slash: `/` or `/metrics/`";
    length(text, 1, 512)?;
    charset(text, |c| c.is_ascii_graphic(), HELP)?;
    if text.starts_with('/') && text.ends_with('/') { Ok(()) } else { Err(Invalid::new("does not start and end with `/`", HELP)) }
}

fn policy_name(text: &str) -> Result<(), Invalid> {
    length(text, 1, 128)?;
    charset(text, |c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c), "a policy's name holds letters, digits and _ + = , . @ -")
}

fn arn(text: &str) -> Result<(), Invalid> {
    const HELP: &str = "an ARN looks like `arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy`";
    length(text, 20, 2048)?;
    charset(text, |c| c.is_ascii_graphic(), HELP)?;
    if text.starts_with("arn:") && text.split(':').count() >= 6 { Ok(()) } else { Err(Invalid::new("is no ARN", HELP)) }
}

fn tag_text(text: &str) -> Result<(), Invalid> {
    charset(text, |c| c.is_alphanumeric() || " +-=._:/@".contains(c), "a tag holds letters, digits, spaces and + - = . _ : / @")
}

fn tag_key(text: &str) -> Result<(), Invalid> {
    length(text, 1, 128)?;
    tag_text(text)?;
    for (prefix, whose) in [("aws:", "AWS"), ("kaphost:", "kaphost")] {
        if text.to_ascii_lowercase().starts_with(prefix) {
            return Err(Invalid::new(format!("starts with `{prefix}`"), format!("such tags belong to {whose}")));
        }
    }
    Ok(())
}

fn tag_value(text: &str) -> Result<(), Invalid> {
    length(text, 0, 256)?;
    tag_text(text)
}
