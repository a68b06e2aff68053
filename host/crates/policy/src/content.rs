//! A component's bytes: at hand, or in a file that is read as far as is needed. What is in the cache has to be told apart by its digest, and no more
//! than that: its bytes pass through one small buffer and are not kept.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek as _, SeekFrom};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::LoadError;

/// What is read at once. Each page of a buffer has to be had from the system first, which costs more than a further read.
pub(crate) const CHUNK_BYTES: usize = 16 << 10;

/// Of a SHA-256.
pub(crate) type Digest = [u8; 32];

/// A component, before anything is known of it.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    Bytes(&'a [u8]),
    /// Open, and at most so many bytes long.
    File(File, u64),
}

impl Content<'_> {
    /// A file of at most so many bytes.
    pub(crate) fn open(path: &Path, limit: u64) -> Result<Self, LoadError> {
        // Before it is opened: opening a pipe waits until somebody writes to it.
        let kind = fs::metadata(path).map_err(unreadable)?;
        if !kind.is_file() {
            return Err(LoadError::Unreadable(if kind.is_dir() { "it is a folder" } else { "it is no regular file" }.into()));
        }
        let file = File::open(path).map_err(unreadable)?;
        if kind.len() > limit {
            return Err(LoadError::TooLarge { size: kind.len(), limit });
        }
        Ok(Self::File(file, limit))
    }

    /// Bytes; of a file, as many as it has now.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(file, limit) => file.metadata().map_or(*limit, |data| data.len()),
        }
    }

    pub(crate) fn sha256(&self) -> Result<Digest, LoadError> {
        let (mut file, limit) = match self {
            Self::Bytes(bytes) => return Ok(Sha256::digest(bytes).into()),
            Self::File(file, limit) => (file, *limit),
        };
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let mut digest = Sha256::new();
        let size = chunks(&mut at_most(file, limit), |chunk| digest.update(chunk)).map_err(unreadable)?;
        if size > limit { Err(LoadError::TooLarge { size, limit }) } else { Ok(digest.finalize().into()) }
    }

    /// All of it, which has to be what had this digest.
    pub(crate) fn read(&self, expected: &Digest) -> Result<Cow<'_, [u8]>, LoadError> {
        let (mut file, limit) = match self {
            Self::Bytes(bytes) => return Ok(Cow::Borrowed(bytes)),
            Self::File(file, limit) => (file, *limit),
        };
        file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let mut bytes = Vec::with_capacity(file.metadata().ok().and_then(|data| usize::try_from(data.len().min(limit)).ok()).unwrap_or(0));
        at_most(file, limit).read_to_end(&mut bytes).map_err(unreadable)?;
        if *Sha256::digest(&bytes) == *expected {
            Ok(bytes.into())
        } else {
            Err(LoadError::Unreadable("it changes while it is read".into()))
        }
    }
}

/// One byte more than may be: a file that grows meanwhile is still found too large.
fn at_most(file: &File, limit: u64) -> impl Read {
    file.take(limit.saturating_add(1))
}

/// Hands over everything that there is to read, piece by piece, and says how much it was.
pub(crate) fn chunks(from: &mut impl Read, mut each: impl FnMut(&[u8])) -> std::io::Result<u64> {
    let mut buffer = [0; CHUNK_BYTES];
    let mut size = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(size),
            Ok(count) => {
                each(buffer.get(..count).unwrap_or_default());
                size += count as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn unreadable(error: std::io::Error) -> LoadError {
    LoadError::Unreadable(match error.kind() {
        ErrorKind::NotFound => "it does not exist".to_owned(),
        ErrorKind::PermissionDenied => "you may not read it".to_owned(),
        _ => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(len: usize) -> Vec<u8> {
        (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect()
    }

    #[test]
    fn a_file_has_the_digest_of_its_bytes_however_many_pieces_it_is_read_in() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        for len in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7] {
            let bytes = text(len);
            fs::write(&path, &bytes).unwrap();
            let file = Content::open(&path, len as u64).unwrap();
            let digest = file.sha256().unwrap();
            assert_eq!(digest, Content::Bytes(&bytes).sha256().unwrap(), "{len}");
            assert_eq!(file.read(&digest).unwrap(), bytes, "{len}");
            assert_eq!(file.sha256().unwrap(), digest, "again, from its start");
        }
    }

    #[test]
    fn a_file_that_grows_or_changes_meanwhile_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wasm");
        fs::write(&path, text(100)).unwrap();
        let file = Content::open(&path, 100).unwrap();
        let digest = file.sha256().unwrap();
        let mut other = text(100);
        other[50] ^= 1;
        fs::write(&path, other).unwrap();
        assert!(file.read(&digest).unwrap_err().to_string().contains("changes while it is read"));
        fs::write(&path, text(101)).unwrap();
        assert!(matches!(file.sha256(), Err(LoadError::TooLarge { size: 101, limit: 100 })));
        assert!(matches!(Content::open(&path, 100), Err(LoadError::TooLarge { size: 101, limit: 100 })));
    }
}
