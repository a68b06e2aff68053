//! What is known of machine images. Nothing about an image id ever changes, so what AWS said once is remembered in the user's cache
//! folder: a run with nothing to change then makes one read less. Losing the file costs that read and nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use kaphost_plan::Image;
use serde::{Deserialize, Serialize};

use crate::place;

/// The remembered images. What they are remembered for, the scope, keeps the ids of different clouds apart: an endpoint and a region.
#[derive(Debug)]
pub(crate) struct Images {
    file: Option<PathBuf>,
    known: Mutex<BTreeMap<String, Entry>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    root_device: String,
    architecture: String,
}

/// As many as a person works with; past it the file starts anew.
const MOST: usize = 1000;

impl Images {
    /// Reads what is remembered.
    #[must_use]
    pub(crate) fn open() -> Self {
        let file = place::cache().map(|folder| folder.join("images.json"));
        let text = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
        let known = text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Self { file, known: Mutex::new(known) }
    }

    /// An image that is remembered.
    #[must_use]
    pub(crate) fn get(&self, scope: &str, id: &str) -> Option<Image> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = known.get(&key(scope, id))?;
        Some(Image { id: id.to_owned(), root_device: entry.root_device.clone(), architecture: entry.architecture.clone() })
    }

    /// Remembers an image. A cache that cannot be written is no error.
    pub(crate) fn learn(&self, scope: &str, image: &Image) {
        let entry = Entry { root_device: image.root_device.clone(), architecture: image.architecture.clone() };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        if known.insert(key(scope, &image.id), entry.clone()) == Some(entry) {
            return;
        }
        if let (Some(file), Ok(text)) = (&self.file, serde_json::to_string(&*known)) {
            let _ = place::replace(file, text.as_bytes());
        }
    }
}

fn key(scope: &str, id: &str) -> String {
    format!("{scope} {id}")
}
