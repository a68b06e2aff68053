//! Compiled modules on disk, so that a second process does not compile again.
//!
//! Compiled code runs outside of the sandbox's checks, so what is loaded must be what this program wrote. Two things see to that: folder and
//! file belong to the user who runs kaphost and nobody else may write them, and the file's digest, which also covers its key, matches its
//! content. The first keeps other users out, the second finds damage. Whoever can write as this user can already do anything this program can.
//!
//! A cache that cannot be read or written costs time, never correctness: it is a note, not an error.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

/// First bytes of a cache file. The number grows with the layout.
const MAGIC: &[u8; 16] = b"kaphost-code-v1\n";
const DIGEST_BYTES: usize = 32;
const HEADER_BYTES: usize = MAGIC.len() + DIGEST_BYTES;

/// The most that is read of a cache file. Compiled code is two to five times its component, and those end at 64 MiB.
const MAX_FILE_BYTES: u64 = 512 << 20;

/// A folder of compiled modules.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

/// What the cache knows of a module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Compiled code that this program wrote.
    Code(Vec<u8>),
    /// Nothing.
    Nothing,
    /// Something, which is not to be trusted. Says why.
    Untrusted(String),
}

/// Names one compiled form of one component: the component, the compiler's version, its settings and the machine.
pub(crate) fn key(engine: &Engine, component_sha256: &[u8]) -> String {
    struct Feed(Sha256);
    impl Hasher for Feed {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut feed = Feed(Sha256::new());
    feed.write(component_sha256);
    // Covers wasmtime's version, the target and every setting that shapes code.
    engine.precompile_compatibility_hash().hash(&mut feed);
    kaphost_spec::hex(&feed.0.finalize())
}

fn seal(key: &str, code: &[u8]) -> [u8; DIGEST_BYTES] {
    let mut digest = Sha256::new();
    digest.update(key.as_bytes());
    digest.update(code);
    digest.finalize().into()
}

impl Cache {
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn file(&self, key: &str) -> PathBuf {
        self.folder.join(format!("{key}.code"))
    }

    /// Looks a module up.
    pub(crate) fn load(&self, key: &str) -> Found {
        let path = self.file(key);
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Found::Nothing,
            Err(error) => return Found::Untrusted(format!("{} cannot be opened: {error}", path.display())),
        };
        if let Err(why) = self.only_ours(&path, &file) {
            return Found::Untrusted(why);
        }
        let cannot_be_read = |error: std::io::Error| Found::Untrusted(format!("{} cannot be read: {error}", path.display()));
        // Header and code apart, and room for all of it at once: nothing is moved after it was read.
        let mut header = Vec::with_capacity(HEADER_BYTES);
        if let Err(error) = (&file).take(HEADER_BYTES as u64).read_to_end(&mut header) {
            return cannot_be_read(error);
        }
        let size = file.metadata().map_or(0, |meta| meta.len().min(MAX_FILE_BYTES));
        let mut code = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        if let Err(error) = (&file).take(MAX_FILE_BYTES).read_to_end(&mut code) {
            return cannot_be_read(error);
        }
        if header.strip_prefix(MAGIC).is_none_or(|digest| digest != seal(key, &code)) {
            return Found::Untrusted(format!("{} was altered or cut short", path.display()));
        }
        Found::Code(code)
    }

    /// Keeps a module for the next process. Atomic: another process sees the whole file or none.
    pub(crate) fn store(&self, key: &str, code: &[u8]) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("{} cannot be written: {error}", self.folder.display());
        create_private(&self.folder).map_err(failed)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(failed)?;
        self.only_ours(file.path(), file.as_file())?;
        file.write_all(MAGIC).and_then(|()| file.write_all(&seal(key, code))).and_then(|()| file.write_all(code)).map_err(failed)?;
        file.persist(self.file(key)).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Whether folder and open file are of a kind that nobody else can have written.
    #[cfg(unix)]
    fn only_ours(&self, path: &Path, file: &fs::File) -> Result<(), String> {
        use std::os::unix::fs::MetadataExt as _;
        // Who we are is read off a nameless file made for the purpose: the standard library does not say.
        let us = tempfile::tempfile_in(&self.folder)
            .and_then(|file| file.metadata())
            .map_err(|error| format!("{} cannot be written: {error}", self.folder.display()))?
            .uid();
        let folder = fs::symlink_metadata(&self.folder).map_err(|error| format!("{} cannot be read: {error}", self.folder.display()))?;
        // The open file, not its name: what is checked here is what is read later.
        let file = file.metadata().map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        for (what, meta, right_kind) in [(self.folder.as_path(), &folder, folder.is_dir()), (path, &file, file.is_file())] {
            if !right_kind {
                return Err(format!("{} is not what it should be", what.display()));
            }
            if meta.uid() != us {
                return Err(format!("{} belongs to another user", what.display()));
            }
            if meta.mode() & 0o022 != 0 {
                return Err(format!("{} may be written by others", what.display()));
            }
        }
        Ok(())
    }

    /// Elsewhere there is no telling who may write a file, so nothing is trusted.
    #[cfg(not(unix))]
    fn only_ours(&self, path: &Path, _: &fs::File) -> Result<(), String> {
        Err(format!("this system does not say who may write {}", path.display()))
    }
}

fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::new(home.path().join("a/b"));
        cache.store("k", b"code").unwrap();
        (home, cache)
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn finds_what_it_stored_and_keeps_it_private() {
        let (_home, cache) = cache();
        assert_eq!(cache.load("k"), Found::Code(b"code".to_vec()));
        assert_eq!(cache.load("other"), Found::Nothing);
        assert_eq!(fs::metadata(&cache.folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(cache.file("k")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&cache.folder).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn refuses_what_was_altered_anywhere() {
        let (_home, cache) = cache();
        let good = fs::read(cache.file("k")).unwrap();
        for i in 0..good.len() {
            let mut bad = good.clone();
            bad[i] ^= 1;
            fs::write(cache.file("k"), bad).unwrap();
            assert!(matches!(cache.load("k"), Found::Untrusted(_)), "byte {i}");
            fs::write(cache.file("k"), &good[..i]).unwrap();
            assert!(matches!(cache.load("k"), Found::Untrusted(_)), "cut at {i}");
        }
    }

    #[test]
    fn refuses_one_modules_code_under_anothers_key() {
        let (_home, cache) = cache();
        fs::rename(cache.file("k"), cache.file("l")).unwrap();
        assert!(matches!(cache.load("l"), Found::Untrusted(_)));
    }

    #[test]
    fn refuses_what_others_may_write() {
        let (_home, cache) = cache();
        for (path, private) in [(cache.file("k"), 0o600), (cache.folder.clone(), 0o700)] {
            for mode in [private | 0o020, private | 0o002] {
                chmod(&path, mode);
                let Found::Untrusted(why) = cache.load("k") else { panic!("{mode:o}") };
                assert!(why.contains("may be written by others"), "{why}");
            }
            chmod(&path, private);
        }
        assert!(matches!(cache.load("k"), Found::Code(_)));
    }

    #[test]
    fn neither_reads_nor_writes_through_a_linked_folder() {
        let (home, cache) = cache();
        let link = home.path().join("link");
        std::os::unix::fs::symlink(&cache.folder, &link).unwrap();
        let linked = Cache::new(link);
        assert!(matches!(linked.load("k"), Found::Untrusted(_)));
        assert!(linked.store("m", b"x").is_err());
    }
}
