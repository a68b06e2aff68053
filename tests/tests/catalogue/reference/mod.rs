//! The pages under `host/docs` that are written from the contract and from the shipped policies. A test holds them to it; `UPDATE_DOCS=1` writes them.

use std::fs;
use std::path::Path;

pub(crate) mod contract;
pub(crate) mod policies;

/// Holds a page under `host/docs` to what it should be.
pub(crate) fn held_to(name: &str, page: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/docs").join(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, page).unwrap();
    }
    let there = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        there == page,
        "host/docs/{name} is not what it is written from: UPDATE_DOCS=1 cargo test -p kaphost-tests --test e2e catalogue::"
    );
}

/// A cell of a table: in one line, with no bar that would end it.
pub(crate) fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
