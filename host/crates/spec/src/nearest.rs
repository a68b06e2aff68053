//! "Did you mean": one measure for names in a config and for those on a command line.

/// The longest text that is held against known names, in bytes: no name is longer, and the comparison costs the square of it.
const MAX_BYTES: usize = 64;

/// The known name that was probably meant: at most a third of its letters are wrong. Case and `_` for `-` do not count.
#[must_use]
pub fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let lower = text.to_lowercase().replace('_', "-");
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&lower, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= name.len().max(lower.len()).div_ceil(3))
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_near_and_nothing_else() {
        let known = ["tenancy", "tag", "ssh", "http"];
        assert_eq!(nearest("tenacy", known), Some("tenancy"));
        assert_eq!(nearest("SSH", known), Some("ssh"));
        assert_eq!(nearest("zzz", known), None);
        assert_eq!(nearest(&"x".repeat(1 << 20), known), None);
    }
}
