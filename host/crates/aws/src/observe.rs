//! All reads of one cluster, side by side.

use kaphost_apply::CloudError;
use kaphost_plan::{Observed, ObservedRole, Query};
use kaphost_spec::facts::{Facts, FactsQuery};

use crate::Aws;

impl Aws {
    /// Seven reads at once; an image is an eighth, the policies of the role two more. None waits for another.
    pub(crate) async fn read(&self, query: &Query) -> Result<Observed, CloudError> {
        let names = &query.names;
        let (groups, rules, template, versions, image, role, attachments, profile, group) = tokio::join!(
            self.ec2.security_groups(&names.regional),
            self.ec2.owned_rules(&names.cluster),
            self.ec2.launch_template(&names.regional),
            self.ec2.launch_template_versions(&names.regional),
            self.ec2.image(query.image.as_deref()),
            self.iam.role(&names.global),
            self.iam.attachments(&names.global, query.attachments),
            self.iam.instance_profile(&names.global),
            self.autoscaling.group(&names.regional),
        );
        let attachments = attachments?;
        Ok(Observed {
            security_groups: crate::ec2::security_group::merge(groups?, rules?),
            role: role?.map(|role| ObservedRole { attachments, ..role }),
            instance_profile: profile?,
            launch_template: crate::ec2::launch_template::with_versions(template?, versions?),
            auto_scaling_group: group?,
            image: image?,
        })
    }

    /// As many reads as kinds of facts are asked for. None waits for another.
    pub(crate) async fn read_facts(&self, query: &FactsQuery) -> Result<Facts, CloudError> {
        let (account, ami, subnets, vpc) = tokio::join!(
            self.sts.account(query.account),
            self.ec2.image_facts(query.ami.as_ref()),
            self.ec2.subnet_facts(&query.subnets),
            self.ec2.vpc_facts(query.vpc.as_ref()),
        );
        Ok(Facts { account: account?, ami: ami?, subnets: subnets?, vpc: vpc? })
    }
}
