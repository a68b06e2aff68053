//! Sorting without std's sort.

/// These, sorted. What is equal keeps its order.
///
/// For the short lists of a cluster: it moves up to n²/2 elements, and adds a few hundred bytes to a component where the
/// sort of `std` adds several thousand for every type that it sorts, all of which the host has to compile.
#[must_use]
pub fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    insert_all(items, |a, b| a <= b)
}

/// As [`sorted`], by what `key` says of each. It is asked again and again, and should be cheap.
#[must_use]
pub fn sorted_by_key<T, K: Ord>(items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<T> {
    insert_all(items, |a, b| key(a) <= key(b))
}

fn insert_all<T>(items: impl IntoIterator<Item = T>, in_order: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let mut all: Vec<T> = Vec::new();
    for item in items {
        let at = all.partition_point(|other| in_order(other, &item));
        all.insert(at, item);
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sorts_as_std_does(items in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut expected = items.clone();
            expected.sort();
            prop_assert_eq!(sorted(items), expected);
        }

        #[test]
        fn what_is_equal_keeps_its_order(items in prop::collection::vec((0_u8..4, any::<u8>()), 0..40)) {
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            prop_assert_eq!(sorted_by_key(items, |item| item.0), expected);
        }
    }
}
