//! Compiled modules on disk, so that a second process neither compiles nor asks again: the code, and what is known of the module beside it.
//!
//! Compiled code runs outside of the sandbox's checks, so what is loaded must be what this program wrote. Two things see to that: folder and
//! file belong to the user who runs kaphost and nobody else may write them, and the file's digest, which also covers its key, matches its
//! content. The first keeps other users out, the second finds damage. Whoever can write as this user can already do anything this program can.
//! Files are put in place whole and never written again, so what was checked is what is mapped afterwards.
//!
//! A cache that cannot be read or written costs time, never correctness: it is a note, not an error.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;

use crate::Description;
use crate::content::chunks;
use crate::engine::{CODE_LAYOUT, Effort};
use crate::inspect::Surface;
use crate::limits::Limits;

/// Stands before the digest, at the end of a cache file: what comes first is mapped as it is, and has to start at a page. The number grows with
/// the layout.
const MAGIC: &[u8; 16] = b"kaphost-code-v3\n";
const DIGEST_BYTES: usize = 32;
const LENGTH_BYTES: usize = 8;
/// Length of what is known, magic, digest.
const TRAILER_BYTES: usize = LENGTH_BYTES + MAGIC.len() + DIGEST_BYTES;

/// The most that is read of a cache file. Compiled code is two to five times its component, and those end at 64 MiB.
const MAX_FILE_BYTES: u64 = 512 << 20;

/// What is known of a module is seldom longer.
const KNOWN_BYTES: usize = 32 << 10;

/// Another number for every change of what a module is known by: what was kept by another kaphost may lack what this one asks for.
const KNOWN_LAYOUT: u64 = fnv1a(&[
    include_bytes!("description.rs"),
    include_bytes!("answer.rs"),
    include_bytes!("inspect.rs"),
    include_bytes!("../../../../wit/policy.wit"),
]);

/// A folder of compiled modules.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

/// What the cache knows of a module.
#[derive(Debug)]
pub(crate) enum Found {
    /// What this program wrote.
    Kept(Box<Kept>),
    /// Nothing.
    Nothing,
    /// Something, which is not to be trusted. Says why.
    Untrusted(String),
}

/// What is known of a module that was loaded before: everything that would have to be read off its bytes, or asked of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub(crate) surface: Surface,
    /// What it said of itself, within the limits that the key covers. It has been checked.
    pub(crate) description: Description,
}

/// A module as this program left it here.
#[derive(Debug)]
pub(crate) struct Kept {
    file: fs::File,
    code_bytes: usize,
    pub(crate) known: Known,
}

impl Kept {
    /// A path to the open file itself, whatever its name leads to by now, where the system has such paths.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd as _;
            Some(format!("/proc/self/fd/{}", self.file.as_raw_fd()).into())
        }
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// The compiled code.
    pub(crate) fn code(&self) -> std::io::Result<Vec<u8>> {
        let mut code = vec![0; self.code_bytes];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(&mut code)?;
        Ok(code)
    }
}

/// Names one compiled form of one component: the component, the compiler's version, its settings, its effort and the kind of machine; and, for what is known of
/// it, the limits within which it was asked and what it was asked for.
///
/// Which features a machine has is not part of it: wasmtime looks at what the code needs of it, and code that needs more is compiled again.
pub(crate) fn key(engine: &Engine, effort: Effort, component_sha256: &[u8], limits: &Limits) -> String {
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
    engine.precompile_compatibility_hash().hash(&mut feed);
    effort.hash(&mut feed);
    feed.write_u64(fnv1a(CODE_LAYOUT));
    limits.hash(&mut feed);
    feed.write_u64(KNOWN_LAYOUT);
    kaphost_spec::hex(&feed.0.finalize())
}

/// FNV-1a, which a constant can be made with.
const fn fnv1a(texts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < texts.len() {
        let text = texts[i];
        let mut j = 0;
        while j < text.len() {
            hash = (hash ^ text[j] as u64).wrapping_mul(0x0100_0000_01b3);
            j += 1;
        }
        i += 1;
    }
    hash
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
        match check(&file, key) {
            Ok(Some((code_bytes, known))) => Found::Kept(Box::new(Kept { file, code_bytes, known })),
            Ok(None) => Found::Untrusted(format!("{} was altered or cut short", path.display())),
            Err(error) => Found::Untrusted(format!("{} cannot be read: {error}", path.display())),
        }
    }

    /// Keeps a module for the next process. Atomic: another process sees the whole file or none.
    pub(crate) fn store(&self, key: &str, code: &[u8], known: &Known) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("{} cannot be written: {error}", self.folder.display());
        let known = serde_json::to_vec(known).map_err(|error| failed(error.into()))?;
        create_private(&self.folder).map_err(failed)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(failed)?;
        self.only_ours(file.path(), file.as_file())?;
        let length = (known.len() as u64).to_le_bytes();
        let mut digest = Sha256::new_with_prefix(key);
        for part in [code, &known, &length, MAGIC] {
            digest.update(part);
            file.write_all(part).map_err(failed)?;
        }
        file.write_all(&digest.finalize()).map_err(failed)?;
        file.persist(self.file(key)).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Whether folder and open file are of a kind that nobody else can have written.
    #[cfg(unix)]
    fn only_ours(&self, path: &Path, file: &fs::File) -> Result<(), String> {
        use std::os::unix::fs::MetadataExt as _;
        let us = self.us().map_err(|error| format!("{} cannot be written: {error}", self.folder.display()))?;
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

    /// The user who owns what this process makes. The standard library does not say it in so many words.
    #[cfg(unix)]
    fn us(&self) -> std::io::Result<u32> {
        use std::os::unix::fs::MetadataExt as _;
        // Linux says it of a process's own entry, which costs one call.
        if cfg!(target_os = "linux")
            && let Ok(entry) = fs::metadata("/proc/self")
        {
            return Ok(entry.uid());
        }
        // Elsewhere it is read off a nameless file made for the purpose.
        Ok(tempfile::tempfile_in(&self.folder)?.metadata()?.uid())
    }

    /// Elsewhere there is no telling who may write a file, so nothing is trusted.
    #[cfg(not(unix))]
    fn only_ours(&self, path: &Path, _: &fs::File) -> Result<(), String> {
        Err(format!("this system does not say who may write {}", path.display()))
    }
}

/// Holds a file against its digest: how long its code is, and what is known of the module. `None` when it is not what was written under this key.
fn check(mut file: &fs::File, key: &str) -> std::io::Result<Option<(usize, Known)>> {
    let size = file.metadata()?.len();
    let Some(content) = size.checked_sub(TRAILER_BYTES as u64).filter(|_| size <= MAX_FILE_BYTES) else { return Ok(None) };
    let mut trailer = [0; TRAILER_BYTES];
    file.seek(SeekFrom::Start(content))?;
    file.read_exact(&mut trailer)?;
    let (sealed, digest) = trailer.split_at(TRAILER_BYTES - DIGEST_BYTES);
    let Some(length) = sealed.strip_suffix(MAGIC).and_then(|length| length.try_into().ok()).map(u64::from_le_bytes) else {
        return Ok(None);
    };
    let Some(code_bytes) = content.checked_sub(length) else { return Ok(None) };

    // The code is only looked at, piece by piece: it is mapped afterwards, not copied.
    let mut seal = Sha256::new_with_prefix(key);
    file.seek(SeekFrom::Start(0))?;
    let looked_at = chunks(&mut file.take(code_bytes), |chunk| seal.update(chunk))?;
    let mut known = Vec::with_capacity(usize::try_from(length).unwrap_or(0).min(KNOWN_BYTES));
    file.take(length).read_to_end(&mut known)?;
    seal.update(&known);
    seal.update(sealed);
    if looked_at != code_bytes || *seal.finalize() != *digest {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&known).ok().zip(usize::try_from(code_bytes).ok()).map(|(known, code_bytes)| (code_bytes, known)))
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
    use crate::content::CHUNK_BYTES;

    fn known() -> Known {
        let description = Description {
            name: "p".into(),
            version: "1.0.0".into(),
            summary: "A test.".into(),
            rules: vec![crate::Rule { id: "r".into(), severity: crate::Severity::High, summary: "Holds.".into(), url: None }],
            settings: Vec::new(),
            needs: vec![crate::FactKind::Account],
        };
        let surface = Surface {
            world: crate::World::Validator,
            metadata: "m".into(),
            validating: Some("v".into()),
            mutating: None,
            never_frees: false,
        };
        Known { surface, description }
    }

    fn cache() -> (tempfile::TempDir, Cache) {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::new(home.path().join("a/b"));
        cache.store("k", b"code", &known()).unwrap();
        (home, cache)
    }

    fn kept(cache: &Cache, key: &str) -> Kept {
        match cache.load(key) {
            Found::Kept(kept) => *kept,
            other => panic!("{other:?}"),
        }
    }

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn finds_what_it_stored_and_keeps_it_private() {
        let (_home, cache) = cache();
        assert_eq!(kept(&cache, "k").code().unwrap(), b"code");
        assert_eq!(kept(&cache, "k").known, known());
        assert!(matches!(cache.load("other"), Found::Nothing));
        assert_eq!(fs::metadata(&cache.folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(cache.file("k")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&cache.folder).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn code_of_many_pieces_is_kept_whole_and_the_open_file_has_a_path() {
        let (_home, cache) = cache();
        let code: Vec<u8> = (0..3 * CHUNK_BYTES + 7).map(|i| u8::try_from(i % 251).unwrap()).collect();
        cache.store("long", &code, &known()).unwrap();
        let kept = kept(&cache, "long");
        assert_eq!(kept.code().unwrap(), code);
        fs::remove_file(cache.file("long")).unwrap();
        if let Some(path) = kept.path() {
            assert!(fs::read(path).unwrap().starts_with(&code), "what is mapped is what was checked");
        }
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
        assert!(matches!(cache.load("k"), Found::Kept(_)));
    }

    #[test]
    fn neither_reads_nor_writes_through_a_linked_folder() {
        let (home, cache) = cache();
        let link = home.path().join("link");
        std::os::unix::fs::symlink(&cache.folder, &link).unwrap();
        let linked = Cache::new(link);
        assert!(matches!(linked.load("k"), Found::Untrusted(_)));
        assert!(linked.store("m", b"x", &known()).is_err());
    }
}
