//! The documents of a module in a registry, as the CNCF's layout for WebAssembly and OCI's image specification have them.

use std::collections::BTreeMap;

use kaphost_spec::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{RegistryError, shown};

/// A manifest.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// A list of manifests.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// A module.
pub(crate) const WASM: &str = "application/wasm";
/// What is said of a module.
pub(crate) const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// A config that says nothing.
pub(crate) const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// A signature: an in-toto statement in a DSSE envelope.
pub(crate) const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

/// What is pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The component.
    pub module: Vec<u8>,
    /// What the policy calls itself.
    pub title: String,
    /// Its version.
    pub version: String,
    /// What it is for, in a sentence.
    pub summary: String,
    /// The names of its exports.
    pub exports: Vec<String>,
    /// The names of its imports.
    pub imports: Vec<String>,
}

/// Names bytes by what they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    /// `sha256:` and hexadecimal.
    pub(crate) digest: String,
    /// Bytes.
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Descriptor {
    pub(crate) fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: format!("sha256:{}", hex(&Sha256::digest(bytes))),
            size: bytes.len() as u64,
            artifact_type: None,
            annotations: BTreeMap::new(),
        }
    }

    /// The digest, where it is one that is known here.
    pub(crate) fn sha256(&self) -> Option<&str> {
        let hex = self.digest.strip_prefix("sha256:")?;
        (hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))).then_some(hex)
    }
}

/// One thing in a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    pub(crate) schema_version: u32,
    #[serde(default)]
    pub(crate) media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    pub(crate) config: Descriptor,
    #[serde(default)]
    pub(crate) layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// Several things in a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    pub(crate) schema_version: u32,
    #[serde(default)]
    pub(crate) media_type: String,
    #[serde(default)]
    pub(crate) manifests: Vec<Descriptor>,
}

impl Index {
    pub(crate) fn empty() -> Self {
        Self { schema_version: 2, media_type: INDEX.to_owned(), manifests: Vec::new() }
    }
}

/// What the CNCF's layout says of a module.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WasmConfig<'a> {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [&'a str; 1],
    component: Component<'a>,
}

#[derive(Serialize)]
struct Component<'a> {
    exports: &'a [String],
    imports: &'a [String],
}

/// A manifest's text and what it names.
pub(crate) struct Documents {
    pub(crate) config: Vec<u8>,
    pub(crate) manifest: Vec<u8>,
    pub(crate) layer: Descriptor,
    pub(crate) config_descriptor: Descriptor,
}

/// The text of a document. These are structures of texts and numbers: there is nothing that could have no form.
pub(crate) fn json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).unwrap_or_default()
}

impl Artifact {
    /// The same module gives the same documents, whoever pushes it and when: so the digest of the manifest says only what is in it.
    pub(crate) fn documents(&self) -> Documents {
        let layer = Descriptor::of(WASM, &self.module);
        let config = json(&WasmConfig {
            // The layout wants an instant. This one is what reproducible builds put where an instant is wanted.
            created: "1970-01-01T00:00:00Z",
            architecture: "wasm",
            os: "wasip2",
            layer_digests: [&layer.digest],
            component: Component { exports: &self.exports, imports: &self.imports },
        });
        let config_descriptor = Descriptor::of(WASM_CONFIG, &config);
        let annotation = |name: &str, value: &str| (format!("org.opencontainers.image.{name}"), value.to_owned());
        let manifest = json(&Manifest {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: None,
            config: config_descriptor.clone(),
            layers: vec![layer.clone()],
            subject: None,
            annotations: BTreeMap::from([
                annotation("title", &self.title),
                annotation("version", &self.version),
                annotation("description", &self.summary),
            ]),
        });
        Documents { config, manifest, layer, config_descriptor }
    }
}

/// The module that a manifest names.
pub(crate) fn module_of(reference: &str, bytes: &[u8], limit: u64) -> Result<Descriptor, RegistryError> {
    let none = |why: String| RegistryError::NoModule { reference: reference.to_owned(), why };
    let manifest: Manifest = match serde_json::from_slice(bytes) {
        Ok(manifest) => manifest,
        Err(_)
            if serde_json::from_slice::<Index>(bytes)
                .is_ok_and(|index| index.media_type.contains("index") || index.media_type.contains("list")) =>
        {
            return Err(none("it is an index of several things".to_owned()));
        }
        Err(_) => return Err(none("its manifest is none of OCI's".to_owned())),
    };
    let [layer] = manifest.layers.as_slice() else {
        return Err(none(format!("it has {} layers, and a module is one", manifest.layers.len())));
    };
    if layer.media_type != WASM {
        return Err(none(format!("its layer is `{}`, and a module's is `{WASM}`", shown(&layer.media_type))));
    }
    if layer.sha256().is_none() {
        return Err(none(format!("its layer's digest is `{}`, and no SHA-256", shown(&layer.digest))));
    }
    if layer.size > limit {
        return Err(RegistryError::TooLarge { what: format!("the module of `{reference}`"), size: Some(layer.size), limit });
    }
    Ok(layer.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_described_as_the_layout_has_it_and_the_same_each_time() {
        let artifact = Artifact {
            module: b"\0asm".to_vec(),
            title: "org".into(),
            version: "1.2.0".into(),
            summary: "What we want.".into(),
            exports: vec!["kaphost:policy/validating@0.1.0".into()],
            imports: vec!["kaphost:policy/types@0.1.0".into()],
        };
        let documents = artifact.documents();
        let module = "cd5d4935a48c0672cb06407bb443bc0087aff947c6b864bac886982c73b3027f";
        assert_eq!(
            String::from_utf8(documents.config).unwrap(),
            format!(
                r#"{{"created":"1970-01-01T00:00:00Z","architecture":"wasm","os":"wasip2","layerDigests":["sha256:{module}"],"component":{{"exports":["kaphost:policy/validating@0.1.0"],"imports":["kaphost:policy/types@0.1.0"]}}}}"#
            )
        );
        let text = String::from_utf8(documents.manifest.clone()).unwrap();
        assert!(text.starts_with(r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.wasm.config.v0+json","#), "{text}");
        assert!(text.contains(&format!(r#""layers":[{{"mediaType":"application/wasm","digest":"sha256:{module}","size":4}}]"#)), "{text}");
        assert!(text.contains(r#""org.opencontainers.image.version":"1.2.0""#), "{text}");
        assert_eq!(artifact.documents().manifest, documents.manifest);
        assert_eq!(module_of("r", &documents.manifest, 4).unwrap(), documents.layer);
        assert!(matches!(module_of("r", &documents.manifest, 3), Err(RegistryError::TooLarge { size: Some(4), limit: 3, .. })));
    }

    #[test]
    fn what_is_no_module_says_what_it_is() {
        let config = Descriptor::of(EMPTY, b"{}");
        let manifest = |layers: Vec<Descriptor>| {
            json(&Manifest {
                schema_version: 2,
                media_type: MANIFEST.into(),
                artifact_type: None,
                config: config.clone(),
                layers,
                subject: None,
                annotations: BTreeMap::new(),
            })
        };
        let layer = |media_type: &str| Descriptor::of(media_type, b"x");
        let other_digest = Descriptor { digest: "sha512:00".into(), ..layer(WASM) };
        for (bytes, said) in [
            (b"<html>".to_vec(), "none of OCI's"),
            (json(&Index::empty()), "an index"),
            (manifest(vec![]), "0 layers"),
            (manifest(vec![layer(WASM), layer(WASM)]), "2 layers"),
            (manifest(vec![layer("application/vnd.oci.image.layer.v1.tar+gzip")]), "tar+gzip"),
            (manifest(vec![other_digest]), "sha512:00"),
        ] {
            let error = module_of("r", &bytes, 10).unwrap_err();
            assert!(error.is_untrusted() && error.to_string().contains(said), "{error}");
        }
    }
}
