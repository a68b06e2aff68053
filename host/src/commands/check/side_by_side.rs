//! The same done to many things, as many at once as there are processors.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// What `work` makes of each thing, in the order of the things. This thread works too: where no other can be had, alone.
pub(super) fn side_by_side<T: Send, R: Send>(things: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let count = things.len();
    let cells: Vec<Mutex<Option<T>>> = things.into_iter().map(|thing| Mutex::new(Some(thing))).collect();
    let next = AtomicUsize::new(0);
    let run = || {
        let mut done = Vec::new();
        while let Some(cell) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            cells.get(index).map(|cell| (index, cell))
        } {
            let (index, cell) = cell;
            // Each cell is opened once: the lock is there to move what is in it, and nobody waits for it.
            let thing = cell.lock().unwrap_or_else(PoisonError::into_inner).take();
            done.extend(thing.map(|thing| (index, work(thing))));
        }
        done
    };
    // How many processors there are is in half a dozen files of the kernel's: not asked where it makes no difference.
    let others = if count < 2 { 0 } else { thread::available_parallelism().map_or(1, usize::from).min(count) - 1 };
    let mut all: Vec<(usize, R)> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..others).map_while(|_| thread::Builder::new().name("check".into()).spawn_scoped(scope, run).ok()).collect();
        let mut all = run();
        for thread in threads {
            all.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    });
    all.sort_unstable_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thing_is_done_once_and_in_order() {
        for count in [0, 1, 2, 1000] {
            let calls = AtomicUsize::new(0);
            let doubled = side_by_side((0..count).collect(), |number: usize| {
                calls.fetch_add(1, Ordering::Relaxed);
                number * 2
            });
            assert_eq!(doubled, (0..count).map(|number| number * 2).collect::<Vec<_>>());
            assert_eq!(calls.into_inner(), count);
        }
    }
}
