//! Text that may hold secrets. Nothing here prints it: only [`UserData::expose`] hands it out, for the one call that sends it.

use std::fmt;

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::names::Invalid;

/// What runs at first boot: 1 to 16,384 bytes, the limit of EC2 before base64.
#[derive(Clone, PartialEq, Eq)]
pub struct UserData {
    text: String,
    sha256: String,
}

impl UserData {
    /// EC2's limit, in bytes before base64.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// Takes the text.
    ///
    /// # Errors
    /// When it is empty or longer than [`Self::MAX_BYTES`].
    pub fn new(text: String) -> Result<Self, Invalid> {
        const HELP: &str = "EC2 takes 16,384 bytes at most: let a short script fetch the long one";
        if text.is_empty() {
            return Err(Invalid::new("is empty", "leave `user-data` out"));
        }
        if text.len() > Self::MAX_BYTES {
            return Err(Invalid::new(format!("is {} bytes long", text.len()), HELP));
        }
        let sha256 = crate::hex(&Sha256::digest(text.as_bytes()));
        Ok(Self { text, sha256 })
    }

    /// Lower-case hexadecimal SHA-256 of the text.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Bytes.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.text.len()
    }

    /// The text itself. Call this only to send it to EC2 or to a policy that was granted it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for UserData {
    /// Twelve digits of the digest and the size.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{} ({} bytes)", &self.sha256[..12], self.text.len())
    }
}

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserData({self})")
    }
}

impl Serialize for UserData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("sha256:{}", self.sha256))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_shows_its_text() {
        let data = UserData::new("hunter2".into()).unwrap();
        let shown = format!("{data} {data:?} {}", serde_json::to_string(&data).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(data.sha256().len(), 64);
    }

    #[test]
    fn holds_ec2s_limit() {
        assert!(UserData::new("x".repeat(UserData::MAX_BYTES)).is_ok());
        assert!(UserData::new("x".repeat(UserData::MAX_BYTES + 1)).is_err());
        assert!(UserData::new(String::new()).is_err());
    }
}
