//! Signatures of a module, beside it in its registry: manifests that name the module's as their subject, each with an envelope as its one layer.
//!
//! A registry that knows referrers (OCI 1.1) lists them by itself. In one that does not, the index under the tag `sha256-DIGEST` does; the specification has clients
//! keep it. What stands there anybody may have written who may write the repository: whose signature counts is decided by whoever holds the keys.

use std::collections::BTreeMap;

use url::Url;

use crate::Registries;
use crate::artifact::{Descriptor, EMPTY, ENVELOPE, INDEX, Index, MANIFEST, Manifest, json};
use crate::auth::Access;
use crate::error::RegistryError;
use crate::limits::{MANIFEST_BYTES, PAGES, SIGNATURE_BYTES, SIGNATURES};
use crate::pull::Found;
use crate::remote::{Ask, Remote};

impl Registries {
    /// The envelopes of a module that its registry has, as text. What is no envelope is passed over: anybody may leave something there.
    ///
    /// # Errors
    /// When the registry cannot be asked.
    pub async fn signatures(&self, found: &Found) -> Result<Vec<String>, RegistryError> {
        let remote = self.remote(&found.reference, Access::Read)?;
        let mut envelopes = Vec::new();
        for referrer in remote.referrers(&subject(found)).await?.into_iter().take(SIGNATURES) {
            match remote.envelope(&referrer).await {
                Ok(envelope) => envelopes.extend(envelope),
                Err(error) if error.is_untrusted() || matches!(error, RegistryError::Nonsense { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(envelopes)
    }

    /// Puts an envelope beside a module. What is there already is left as it is.
    ///
    /// # Errors
    /// When the registry cannot be asked, or does not take it.
    pub async fn attach(&self, found: &Found, envelope: &str) -> Result<(), RegistryError> {
        let remote = self.remote(&found.reference, Access::Write)?;
        let layer = Descriptor::of(ENVELOPE, envelope.as_bytes());
        let config = Descriptor::of(EMPTY, b"{}");
        let subject = subject(found);
        let text = json(&Manifest {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: Some(ENVELOPE.to_owned()),
            config: config.clone(),
            layers: vec![layer.clone()],
            subject: Some(subject.clone()),
            annotations: BTreeMap::new(),
        });
        let manifest = Descriptor { artifact_type: Some(ENVELOPE.to_owned()), ..Descriptor::of(MANIFEST, &text) };
        remote.upload(&layer, envelope.as_bytes()).await?;
        remote.upload(&config, b"{}").await?;
        if remote.put_manifest(&manifest.digest, &manifest, &text).await? {
            return Ok(());
        }
        // The registry does not know of referrers: the index is for whoever pushes one to keep.
        let mut index = remote.listed(&subject).await?;
        if !index.manifests.iter().any(|known| known.digest == manifest.digest) {
            index.manifests.push(manifest);
            let text = json(&index);
            remote.put_manifest(&tag(&subject), &Descriptor::of(INDEX, &text), &text).await?;
        }
        Ok(())
    }
}

fn subject(found: &Found) -> Descriptor {
    Descriptor::of(MANIFEST, &found.manifest)
}

/// The tag that stands in for the referrers' API.
fn tag(subject: &Descriptor) -> String {
    subject.digest.replace(':', "-")
}

fn is_signature(referrer: &Descriptor) -> bool {
    referrer.artifact_type.as_deref() == Some(ENVELOPE)
}

impl Remote<'_> {
    /// The signatures that are listed, from as many pages as it takes, as far as that is few.
    async fn referrers(&self, subject: &Descriptor) -> Result<Vec<Descriptor>, RegistryError> {
        let mut url = self.url(&format!("referrers/{}", subject.digest))?;
        url.query_pairs_mut().append_pair("artifactType", ENVELOPE);
        let mut signatures = Vec::new();
        for page in 0..PAGES {
            let (index, next) = match self.page(url).await {
                // Registries that do not know of referrers say so in more ways than the specification has.
                Ok(None) | Err(RegistryError::Refused { .. }) if page == 0 => (self.listed(subject).await?, None),
                Ok(None) => return Err(self.nonsense("a list of signatures that goes on where nothing is")),
                Ok(Some(page)) => page,
                Err(error) => return Err(error),
            };
            signatures.extend(index.manifests.into_iter().filter(is_signature));
            match next.filter(|_| signatures.len() < SIGNATURES) {
                Some(next) => url = next,
                None => break,
            }
        }
        Ok(signatures)
    }

    /// What the tag lists that stands in for the referrers' API.
    async fn listed(&self, subject: &Descriptor) -> Result<Index, RegistryError> {
        let url = self.url(&format!("manifests/{}", tag(subject)))?;
        Ok(self.page(url).await?.map_or_else(Index::empty, |(index, _)| index))
    }

    /// A list, or a part of it and where it goes on.
    async fn page(&self, url: Url) -> Result<Option<(Index, Option<Url>)>, RegistryError> {
        let Some(mut answer) = self.ask(&Ask::get(url, "a request for signatures", INDEX)).await? else { return Ok(None) };
        let next = answer.next_page().map(|named| self.elsewhere(&answer, &named)).transpose()?;
        let bytes = answer.bytes("the list of signatures", MANIFEST_BYTES).await?;
        let index = serde_json::from_slice(&bytes).map_err(|_| self.nonsense("a list of signatures that is none"))?;
        Ok(Some((index, next)))
    }

    /// The envelope of a signature, if that is what it is.
    async fn envelope(&self, referrer: &Descriptor) -> Result<Option<String>, RegistryError> {
        let Some(bytes) = self.document("manifests", referrer, MANIFEST_BYTES).await? else { return Ok(None) };
        let Ok(manifest) = serde_json::from_slice::<Manifest>(&bytes) else { return Ok(None) };
        let [layer] = manifest.layers.as_slice() else { return Ok(None) };
        if layer.media_type != ENVELOPE || layer.size > SIGNATURE_BYTES {
            return Ok(None);
        }
        let envelope = self.document("blobs", layer, SIGNATURE_BYTES).await?;
        Ok(envelope.and_then(|bytes| String::from_utf8(bytes).ok()))
    }
}
