//! What is known of machine images. Nothing about an image id ever changes, so what AWS said once is remembered in the user's cache
//! folder: a run with nothing to change then makes one read less. Losing the file costs that read and nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kaphost_plan::Image;
use serde::{Deserialize, Serialize};

use crate::place;

/// The remembered images of one cloud, in one region.
#[derive(Debug)]
pub(crate) struct Images {
    file: Option<PathBuf>,
    scope: String,
    known: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    root_device: String,
    architecture: String,
}

/// As many as a person works with; past it the file starts anew.
const MOST: usize = 1000;

impl Images {
    /// Reads what is remembered. `scope` keeps the ids of different clouds apart: an endpoint and a region.
    #[must_use]
    pub(crate) fn open(scope: String) -> Self {
        let file = place::cache().map(|folder| folder.join("images.json"));
        let text = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let known = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Self { file, scope, known }
    }

    fn key(&self, id: &str) -> String {
        format!("{} {id}", self.scope)
    }

    /// An image that is remembered.
    #[must_use]
    pub(crate) fn get(&self, id: &str) -> Option<Image> {
        let entry = self.known.get(&self.key(id))?;
        Some(Image { id: id.to_owned(), root_device: entry.root_device.clone(), architecture: entry.architecture.clone() })
    }

    /// Remembers an image. A cache that cannot be written is no error.
    pub(crate) fn learn(&mut self, image: &Image) {
        let entry = Entry { root_device: image.root_device.clone(), architecture: image.architecture.clone() };
        if self.known.len() >= MOST {
            self.known.clear();
        }
        if self.known.insert(self.key(&image.id), entry.clone()) == Some(entry) {
            return;
        }
        if let (Some(file), Ok(text)) = (&self.file, serde_json::to_string(&self.known)) {
            let _ = place::replace(file, text.as_bytes());
        }
    }
}
