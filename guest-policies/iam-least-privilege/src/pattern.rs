//! IAM's patterns: `*` stands for any characters, `?` for one, and case does not matter in actions.

/// Whether a pattern matches a text, without regard to case.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // The last star, and how much of the text it has taken so far. Only the last one ever has to take more.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                star = Some((p, t));
                p += 1;
            }
            (Some(&one), Some(other)) if one == b'?' || one.eq_ignore_ascii_case(other) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|&byte| byte == b'*')
}

/// Whether a text is a pattern at all.
pub(crate) fn is_wild(text: &str) -> bool {
    text.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_iam_does() {
        for (pattern, text, is) in [
            ("iam:PassRole", "iam:passrole", true),
            ("iam:*", "iam:PassRole", true),
            ("*", "iam:PassRole", true),
            ("iam:Pass*", "iam:PassRole", true),
            ("i?m:*Role", "iam:PassRole", true),
            ("*a*s*", "iam:PassRole", true),
            ("iam:Pass", "iam:PassRole", false),
            ("iam:PassRole?", "iam:PassRole", false),
            ("s3:*", "iam:PassRole", false),
            ("iam:*Roles", "iam:PassRole", false),
            ("**", "", true),
            ("?", "", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, text), is, "{pattern} {text}");
        }
    }

    #[test]
    fn many_stars_take_no_longer_than_the_texts_are_long() {
        let (pattern, text) = ("*a".repeat(200) + "b", "a".repeat(10_000));
        assert!(!matches(&pattern, &text));
    }
}
