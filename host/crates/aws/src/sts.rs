//! STS: whose account this is.

use aws_sdk_sts::Client;
use kaphost_apply::{CloudError, ErrorKind};

/// The client of STS and who it calls, for errors.
#[derive(Debug)]
pub(crate) struct Sts {
    pub(crate) client: Client,
    pub(crate) endpoint: String,
}

impl Sts {
    /// The caller's account, when asked for. STS refuses this to nobody whose credentials are good.
    pub(crate) async fn account(&self, asked: bool) -> Result<Option<String>, CloudError> {
        const OPERATION: &str = "GetCallerIdentity";
        if !asked {
            return Ok(None);
        }
        let answer = self.client.get_caller_identity().send().await;
        let answer = answer.map_err(|error| crate::error::translate(OPERATION, &self.endpoint, &error))?;
        let missing = || CloudError::new(ErrorKind::Other, OPERATION, "AWS does not say whose account this is");
        answer.account().map(|account| Some(account.to_owned())).ok_or_else(missing)
    }
}
