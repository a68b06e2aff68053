//! From a reference to a file that is what the reference's digest says.

use std::path::PathBuf;

use futures_util::{StreamExt as _, stream};
use kaphost_spec::{Reference, hex};
use sha2::{Digest as _, Sha256};

use crate::Registries;
use crate::artifact::{Descriptor, INDEX, MANIFEST, module_of};
use crate::auth::Access;
use crate::error::RegistryError;
use crate::limits::MANIFEST_BYTES;
use crate::remote::{Ask, Remote};
use crate::store::Store;

/// What is understood, and what is only recognised for what it is.
const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                        application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json";
/// Modules that are fetched at a time.
const AT_ONCE: usize = 8;

/// A module as its registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// With the digest of the manifest.
    pub reference: Reference,
    /// Lower-case hexadecimal SHA-256 of the module.
    pub sha256: String,
    /// Bytes of the module, as the manifest says.
    pub size: u64,
    pub(crate) manifest: Vec<u8>,
    pub(crate) layer: Descriptor,
}

/// A module that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// With the digest of the manifest.
    pub reference: Reference,
    /// The module. Another process may take it away; nobody changes it.
    pub path: PathBuf,
    /// Lower-case hexadecimal SHA-256 of the module.
    pub sha256: String,
    /// Bytes of the module.
    pub size: u64,
    /// Whether it was fetched just now.
    pub fetched: bool,
}

impl Store {
    /// What a reference with a digest names, if all of it is here.
    #[must_use]
    pub fn pulled(&self, reference: &Reference) -> Option<Pulled> {
        let manifest = self.read(reference.digest()?, MANIFEST_BYTES)?;
        let layer = module_of(&reference.to_string(), &manifest, u64::MAX).ok()?;
        let sha256 = layer.sha256()?.to_owned();
        let path = self.find(&sha256)?;
        Some(Pulled { reference: reference.clone(), path, sha256, size: layer.size, fetched: false })
    }
}

impl Registries {
    /// Asks the registry what a reference names. Fetches no module.
    ///
    /// # Errors
    /// When the registry cannot be asked, has no such thing, or has something else.
    pub async fn find(&self, reference: &Reference) -> Result<Found, RegistryError> {
        let remote = self.remote(reference, Access::Read)?;
        let manifest = remote.manifest(reference).await?;
        self.found(reference, manifest)
    }

    fn found(&self, reference: &Reference, manifest: Vec<u8>) -> Result<Found, RegistryError> {
        let layer = module_of(&reference.to_string(), &manifest, self.options.limits.module_bytes)?;
        // `module_of` takes no other digest.
        let sha256 = layer.sha256().unwrap_or_default().to_owned();
        let reference = reference.with_digest(&hex(&Sha256::digest(&manifest)));
        Ok(Found { reference, sha256, size: layer.size, manifest, layer })
    }

    /// Fetches what a reference names, and its signatures, into the store; what is there is not fetched again, and then nothing is asked.
    ///
    /// # Errors
    /// As [`Self::find`], and when what comes is not what was said, or cannot be kept. Then nothing of it is kept.
    pub async fn pull(&self, store: &Store, reference: &Reference) -> Result<Pulled, RegistryError> {
        if let Some(pulled) = store.pulled(reference) {
            return Ok(pulled);
        }
        let remote = self.remote(reference, Access::Read)?;
        let manifest = remote.manifest(reference).await?;
        let found = self.found(reference, manifest)?;
        if store.find(&found.sha256).is_none() {
            remote.module(store, &found).await?;
        }
        store.keep_signatures(&found.sha256, &self.signatures(&found).await?)?;
        // Last: what has a manifest here is whole.
        store.keep(&found.manifest)?;
        let path = store.find(&found.sha256).ok_or_else(|| remote.nonsense("a module that was there a moment ago"))?;
        Ok(Pulled { reference: found.reference, path, sha256: found.sha256, size: found.size, fetched: true })
    }

    /// As [`Self::pull`], of several at a time; the results are in the order of the references.
    pub async fn pull_all(&self, store: &Store, references: Vec<Reference>) -> Vec<Result<Pulled, RegistryError>> {
        let pull = |reference: Reference| async move { self.pull(store, &reference).await };
        stream::iter(references).map(pull).buffered(AT_ONCE).collect().await
    }
}

impl Remote<'_> {
    /// The text of a manifest, which is what the reference's digest says, if it has one, and what the registry itself says otherwise.
    async fn manifest(&self, reference: &Reference) -> Result<Vec<u8>, RegistryError> {
        let name = match (reference.digest(), reference.tag()) {
            (Some(digest), _) => format!("sha256:{digest}"),
            (None, tag) => tag.unwrap_or_default().to_owned(),
        };
        let url = self.url(&format!("manifests/{name}"))?;
        let shown = reference.to_string();
        let mut answer = self.must(&Ask::get(url, "a request for a manifest", ACCEPTED), &shown).await?;
        let said = answer.header("docker-content-digest").and_then(|digest| digest.strip_prefix("sha256:")).map(str::to_owned);
        let what = format!("the manifest of `{shown}`");
        let bytes = answer.bytes(&what, MANIFEST_BYTES).await?;
        held(&what, &bytes, reference.digest().map(str::to_owned).or(said).as_deref())?;
        Ok(bytes)
    }

    /// The text of a document that a descriptor names, or `None` when there is no such thing.
    pub(crate) async fn document(&self, kind: &str, descriptor: &Descriptor, limit: u64) -> Result<Option<Vec<u8>>, RegistryError> {
        let Some(sha256) = descriptor.sha256() else { return Err(self.nonsense("a digest of a kind that is not known")) };
        let url = self.url(&format!("{kind}/sha256:{sha256}"))?;
        let Some(mut answer) = self.ask(&Ask::get(url, "a request for a document", &format!("{MANIFEST}, {INDEX}, */*"))).await? else {
            return Ok(None);
        };
        let what = format!("a document of `{}`", self.registry);
        let bytes = answer.bytes(&what, limit).await?;
        held(&what, &bytes, Some(sha256))?;
        Ok(Some(bytes))
    }

    /// Fetches a module into the store: piece by piece, and no further than its manifest says.
    async fn module(&self, store: &Store, found: &Found) -> Result<(), RegistryError> {
        let what = format!("the module of `{}`", found.reference);
        let url = self.url(&format!("blobs/{}", found.layer.digest))?;
        let mut answer = self.must(&Ask::get(url, "a request for a module", "*/*"), &found.reference.to_string()).await?;
        let length = |found_bytes: u64| RegistryError::Length { what: what.clone(), found: found_bytes, expected: found.size };
        if let Some(announced) = answer.length().filter(|announced| *announced != found.size) {
            return Err(length(announced));
        }
        let mut coming = store.begin()?;
        while let Some(piece) = answer.next().await? {
            coming.add(&piece)?;
            if coming.size() > found.size {
                return Err(length(coming.size()));
            }
        }
        if coming.size() != found.size {
            return Err(length(coming.size()));
        }
        let sha256 = coming.sha256();
        if sha256 != found.sha256 {
            return Err(RegistryError::Digest { what, found: sha256, expected: found.sha256.clone() });
        }
        coming.keep_as(&sha256).map(drop)
    }
}

/// Holds bytes to a digest, where there is one.
fn held(what: &str, bytes: &[u8], expected: Option<&str>) -> Result<(), RegistryError> {
    let found = hex(&Sha256::digest(bytes));
    match expected {
        Some(expected) if expected != found => Err(RegistryError::Digest { what: what.to_owned(), found, expected: expected.to_owned() }),
        _ => Ok(()),
    }
}
