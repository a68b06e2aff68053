//! From a module to a registry: what it names first, so that nothing is ever named that is not there.

use bytes::Bytes;
use http::Method;
use kaphost_spec::Reference;

use crate::Registries;
use crate::artifact::{Artifact, Descriptor, INDEX, MANIFEST};
use crate::auth::Access;
use crate::error::RegistryError;
use crate::limits::MANIFEST_BYTES;
use crate::remote::{Ask, Remote};

/// What has become of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// With the digest of the manifest.
    pub reference: Reference,
    /// Lower-case hexadecimal SHA-256 of the module.
    pub sha256: String,
    /// Bytes of the module.
    pub size: u64,
    /// The manifest that the tag named before, if it was another. Lower-case hexadecimal SHA-256.
    pub moved_from: Option<String>,
}

impl Registries {
    /// Pushes a module under a reference's tag. Where the reference has a digest too, the manifest must have it.
    ///
    /// # Errors
    /// When the registry cannot be asked, does not take it, or the digest is another. The tag is moved last.
    pub async fn push(&self, reference: &Reference, artifact: &Artifact) -> Result<Pushed, RegistryError> {
        let documents = artifact.documents();
        let manifest = Descriptor::of(MANIFEST, &documents.manifest);
        let sha256 = |descriptor: &Descriptor| descriptor.sha256().unwrap_or_default().to_owned();
        let found = sha256(&manifest);
        if let Some(expected) = reference.digest().filter(|expected| *expected != found) {
            return Err(RegistryError::Digest { what: "the manifest of the module".to_owned(), found, expected: expected.to_owned() });
        }
        let remote = self.remote(reference, Access::Write)?;
        let before = remote.head(reference.tag().unwrap_or_default()).await?;
        remote.upload(&documents.layer, &artifact.module).await?;
        remote.upload(&documents.config_descriptor, &documents.config).await?;
        let name = reference.tag().map_or_else(|| manifest.digest.clone(), str::to_owned);
        remote.put_manifest(&name, &manifest, &documents.manifest).await?;
        Ok(Pushed {
            moved_from: before.filter(|before| *before != found),
            reference: reference.with_digest(&found),
            sha256: sha256(&documents.layer),
            size: documents.layer.size,
        })
    }
}

impl Remote<'_> {
    /// The digest that a tag stands for, where the registry says it.
    async fn head(&self, tag: &str) -> Result<Option<String>, RegistryError> {
        if tag.is_empty() {
            return Ok(None);
        }
        let accept = format!("{MANIFEST}, {INDEX}");
        let ask =
            Ask { method: Method::HEAD, url: self.url(&format!("manifests/{tag}"))?, what: "a look at a tag", accept: &accept, body: None };
        let answer = self.ask(&ask).await?;
        Ok(answer.and_then(|answer| answer.header("docker-content-digest")?.strip_prefix("sha256:").map(str::to_owned)))
    }

    /// Uploads what is not there yet, in one piece.
    pub(crate) async fn upload(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), RegistryError> {
        let ask = |method, url, what| Ask { method, url, what, accept: "*/*", body: None };
        let there = self.url(&format!("blobs/{}", descriptor.digest))?;
        if self.ask(&ask(Method::HEAD, there, "a look at a part of the module")).await?.is_some() {
            return Ok(());
        }
        let begin = ask(Method::POST, self.url("blobs/uploads/")?, "the begin of an upload");
        let session = self.must(&begin, &self.registry).await?;
        let mut location = self.location(&session)?;
        location.query_pairs_mut().append_pair("digest", &descriptor.digest);
        let upload =
            Ask { body: Some(("application/octet-stream", Bytes::copy_from_slice(bytes))), ..ask(Method::PUT, location, "an upload") };
        self.must(&upload, &self.registry).await.map(drop)
    }

    /// Names what was uploaded. Whether the registry has noted of what it is a referrer.
    pub(crate) async fn put_manifest(&self, name: &str, descriptor: &Descriptor, bytes: &[u8]) -> Result<bool, RegistryError> {
        let body = Some((descriptor.media_type.as_str(), Bytes::copy_from_slice(bytes)));
        let ask = Ask { method: Method::PUT, url: self.url(&format!("manifests/{name}"))?, what: "a manifest", accept: "*/*", body };
        let mut answer = self.must(&ask, &self.registry).await?;
        // Read to its end, so that the connection can be used again; what it says is of no interest.
        answer.bytes("the answer to a manifest", MANIFEST_BYTES).await?;
        match answer.header("docker-content-digest") {
            Some(said) if said != descriptor.digest => {
                Err(self.nonsense(&format!("it has taken the manifest {} for another, {}", descriptor.digest, crate::error::shown(said))))
            }
            _ => Ok(answer.headers.contains_key("oci-subject")),
        }
    }
}
