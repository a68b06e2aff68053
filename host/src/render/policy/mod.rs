//! What the commands for authors of policies say.

pub(crate) mod bench;
pub(crate) mod diff;
pub(crate) mod inspect;
pub(crate) mod results;
pub(crate) mod run;
pub(crate) mod test;

/// `123456` as `123,456`.
#[must_use]
pub(crate) fn grouped(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in the largest unit of which there is at least one, to a tenth.
#[must_use]
pub(crate) fn bytes(count: usize) -> String {
    let (unit, name) = if count >= 1 << 20 { (1 << 20, "MiB") } else { (1 << 10, "KiB") };
    let (whole, tenth) = (count / unit, count % unit * 10 / unit);
    if tenth == 0 { format!("{whole} {name}") } else { format!("{whole}.{tenth} {name}") }
}

/// How much of a limit, in percent to a hundredth.
#[must_use]
pub(crate) fn share(used: u64, limit: u64) -> String {
    let hundredths = u128::from(used) * 10_000 / u128::from(limit.max(1));
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        assert_eq!([0_u64, 12, 123, 1_234, 123_456, 1_234_567].map(grouped), ["0", "12", "123", "1,234", "123,456", "1,234,567"]);
        assert_eq!([0, 1_024, 1_536, 65_536, 1_114_112, 64 << 20].map(bytes), ["0 KiB", "1 KiB", "1.5 KiB", "64 KiB", "1 MiB", "64 MiB"]);
    }
}
