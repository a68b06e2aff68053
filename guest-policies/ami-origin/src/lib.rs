//! A policy on the image that a server starts from: whose it is, how old it may be, what it is called and what it runs on.
//!
//! Images are known to AWS alone, so the policy needs the facts on the image and the account. It has no clock: an age is a date that the settings
//! name, and whoever owns the settings moves it on.

mod judge;

use kaphost_guest::setting::{self, Declared};
use kaphost_guest::{Ami, Cluster, Description, Fact, Facts, Policy, Rule, Settings, Severity, Validate, Violation, path};

/// The image belongs to an allowed account.
pub const OWNER: &str = "ami-owner";
/// The image is young enough.
pub const AGE: &str = "ami-too-old";
/// The image is called as allowed.
pub const NAME: &str = "ami-name";
/// The image is for an allowed architecture.
pub const ARCHITECTURE: &str = "ami-architecture";
/// The facts are about the image of the cluster.
pub const UNKNOWN: &str = "ami-unknown";

const OWNERS: setting::Texts = setting::Texts::new(
    "ami-owners",
    &["self"],
    "Accounts, by their 12 digits, whose images may be used; self is the account of the server.",
);
const CREATED_AFTER: setting::Text =
    setting::Text::new("ami-created-after", "", "The first day, as 2026-01-31, on which an image may have been made; none allows any age.");
const NAME_PREFIXES: setting::Texts =
    setting::Texts::new("ami-name-prefixes", &[], "What the name of an image may start with; none allows any name.");
const ARCHITECTURES: setting::Texts =
    setting::Texts::new("ami-architectures", &[], "Architectures, such as x86_64 or arm64, of images; none allows any.");

/// Every setting.
pub const DECLARED: &[&dyn Declared] = &[&OWNERS, &CREATED_AFTER, &NAME_PREFIXES, &ARCHITECTURES];

/// The policy.
#[derive(Clone, Copy, Debug)]
pub struct AmiOrigin;

impl Policy for AmiOrigin {
    fn describe() -> Description {
        const GUIDE: &str = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-allowed-amis.html";
        Description::new("ami-origin", env!("CARGO_PKG_VERSION"), "Servers start from known images.")
            .rule(Rule::new(OWNER, Severity::High, "The image belongs to an allowed account.").url(GUIDE))
            .rule(Rule::new(AGE, Severity::Medium, "The image is not older than allowed.").url(GUIDE))
            .rule(Rule::new(NAME, Severity::Medium, "The name of the image starts as allowed.").url(GUIDE))
            .rule(Rule::new(ARCHITECTURE, Severity::Low, "The image is for an allowed architecture.").url(GUIDE))
            .rule(Rule::new(UNKNOWN, Severity::High, "The image is known, so that it can be judged."))
            .rule(Rule::settings())
            .settings(DECLARED)
            .needs(Fact::Ami)
            .needs(Fact::Account)
    }
}

impl Validate for AmiOrigin {
    fn validate(cluster: &Cluster, facts: &Facts, settings: &Settings) -> Vec<Violation> {
        let image = match &facts.ami {
            // Another policy may have put another image in its place since the facts were read.
            Some(image) if !matches!(&cluster.ami, Ami::Id(id) if *id != image.id) => image,
            _ => {
                return vec![
                    Violation::new(UNKNOWN, path::AMI, "nothing is known of the image, so it cannot be judged")
                        .help("name the image in the config itself; facts given in a file have to be those of this cluster"),
                ];
            }
        };
        let after = CREATED_AFTER.get(settings).trim();
        if !after.is_empty() && !judge::is_date(after) {
            let (name, problem) = (CREATED_AFTER.name(), "no date");
            return vec![Violation::of_setting(name, after, problem, "a day such as 2026-01-31")];
        }
        let owners = OWNERS.get(settings);
        if let Some(wrong) = owners.iter().find(|owner| !judge::is_account(owner)) {
            let problem = "neither `self` nor the 12 digits of an account";
            return vec![Violation::of_setting(OWNERS.name(), wrong, problem, "accounts such as 123456789012, or self,")];
        }
        let limits = judge::Limits { owners, after, prefixes: NAME_PREFIXES.get(settings), architectures: ARCHITECTURES.get(settings) };
        limits.judge(image, facts.account.as_deref())
    }
}

#[cfg(feature = "component")]
kaphost_guest::export_policy!(AmiOrigin: validator);
