//! An image against the settings, once they are understood.

use kaphost_guest::{AmiFacts, Violation, path};

use crate::{AGE, ARCHITECTURE, NAME, OWNER};

/// The settings.
pub(crate) struct Limits<'a> {
    /// Accounts, or `self`.
    pub(crate) owners: Vec<&'a str>,
    /// `2026-01-31`, or nothing.
    pub(crate) after: &'a str,
    /// Of the name. Empty allows any.
    pub(crate) prefixes: Vec<&'a str>,
    /// Empty allows any.
    pub(crate) architectures: Vec<&'a str>,
}

impl Limits<'_> {
    /// Every way in which the image is not as it should be.
    pub(crate) fn judge(&self, image: &AmiFacts, account: Option<&str>) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut found = |rule: &str, message: String, help: String| violations.push(Violation::new(rule, path::AMI, message).help(help));
        let id = &image.id;
        let owned = |owner: &&str| if *owner == "self" { account == Some(image.owner.as_str()) } else { *owner == image.owner };
        if !self.owners.iter().any(owned) {
            let help = match self.owners.as_slice() {
                [] => "no account is allowed: list some in `ami-owners`".to_owned(),
                owners => format!("choose an image of: {}", path::list(owners)),
            };
            found(OWNER, format!("the image {id} belongs to the account {}", image.owner), help);
        }
        // Both in UTC, the year first: the order of the texts is that of time.
        if !self.after.is_empty() && image.created.as_str() < self.after {
            let help = format!("choose an image that was made on {} or later", self.after);
            found(AGE, format!("the image {id} was made at {}", image.created), help);
        }
        if !self.prefixes.is_empty() && !self.prefixes.iter().any(|prefix| image.name.starts_with(prefix)) {
            let help =
                format!("choose an image whose name starts with: {}", path::list(self.prefixes.iter().map(|prefix| path::quoted(prefix))));
            found(NAME, format!("the image {id} is called {}", path::quoted(&image.name)), help);
        }
        if !self.architectures.is_empty() && !self.architectures.contains(&image.architecture.as_str()) {
            let help = format!("choose an image for: {}", path::list(&self.architectures));
            found(ARCHITECTURE, format!("the image {id} is for {}", image.architecture), help);
        }
        violations
    }
}

/// Whether a text is a day as `2026-01-31`. Days that a month does not have pass: they compare well all the same.
pub(crate) fn is_date(text: &str) -> bool {
    let digits = |text: &str, len: usize, most: u8| {
        text.len() == len && text.bytes().all(|b| b.is_ascii_digit()) && (len == 4 || text.parse().is_ok_and(|n: u8| 0 < n && n <= most))
    };
    let parts: Vec<&str> = text.split('-').collect();
    matches!(parts[..], [year, month, day] if digits(year, 4, 0) && digits(month, 2, 12) && digits(day, 2, 31))
}

/// Whether a text names an account.
pub(crate) fn is_account(text: &str) -> bool {
    text == "self" || (text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_told_from_other_texts() {
        for date in ["2026-01-31", "2026-12-01", "1999-02-30"] {
            assert!(is_date(date), "{date}");
        }
        for text in [
            "2026-13-01",
            "2026-00-10",
            "2026-01-00",
            "2026-01-32",
            "2026-1-31",
            "26-01-31",
            "2026-01-31T00:00:00Z",
            "31.01.2026",
            "2026-01",
            "+026-01-01",
        ] {
            assert!(!is_date(text), "{text}");
        }
    }

    #[test]
    fn accounts_are_told_from_other_texts() {
        assert!(is_account("self") && is_account("123456789012"));
        for text in ["", "amazon", "12345678901", "1234567890123", "12345678901a"] {
            assert!(!is_account(text), "{text}");
        }
    }
}
