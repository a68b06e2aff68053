//! Sandboxes that are kept ready: what a call leaves is wiped and handed to the next, instead of being given back to the system and asked for
//! again.
//!
//! A call sees nothing of the one before: wasmtime resets every page that was written before a slot is used again, and the store, the limits and
//! the instances are new each time. What is saved is mapping memory, unmapping it, and faulting each of its pages in, which is most of what a call
//! of some microseconds costs.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use wasmtime::component::Component;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::limits::Limits;

/// Calls at once: more than threads that a machine has use for. What comes beyond that waits for one to end.
const CALLS: u32 = 32;
/// Core instances of one component; those that come of Rust have three or four. A component with more is run without the pool.
const INSTANCES: u32 = 8;
/// Tables of one component.
const TABLES: u32 = 8;
/// Memories of one component.
const MEMORIES: u32 = 2;
/// Bytes of a component that has [`INSTANCES`] at most: those with Python or JavaScript in them have more than 10 MB, those of Rust some 100 KB.
const COMPONENT_BYTES: u64 = 8 << 20;
/// Elements of one table: as many as [`Limits::table_elements`] by default.
const TABLE_ELEMENTS: usize = 20_000;
/// Bytes that are wiped in place; what goes beyond is given back to the system. A policy writes a dozen pages in a call.
const KEPT_BYTES: usize = 256 << 10;

/// Bytes of a page of WebAssembly.
const PAGE_BYTES: usize = 64 << 10;

/// How memory is made new for the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wiping {
    /// From its start, whatever was written. Takes less time than to ask which pages were, where there are some dozens of them.
    Whole,
    /// Those pages that Linux (6.7 and later) says were written: memory of more than [`KEPT_BYTES`].
    Written,
}

/// Whether a component starts with no more memory than is wiped in place.
pub(crate) fn is_wiped_in_place(component: &Component) -> bool {
    let required = component.resources_required();
    required.is_some_and(|required| required.max_initial_memory_size.is_none_or(|pages| pages <= (KEPT_BYTES / PAGE_BYTES) as u64))
}

/// Whether a policy with these limits can be run in the pool: it could otherwise be refused a table that it is allowed.
pub(crate) const fn fits(limits: &Limits) -> bool {
    limits.table_elements <= TABLE_ELEMENTS
}

/// Whether a component of so many bytes may have room in it. One with a language's runtime has not, and is not compiled to find that out.
pub(crate) const fn may_hold(component_bytes: u64) -> bool {
    component_bytes <= COMPONENT_BYTES
}

/// Makes an engine keep its sandboxes.
pub(crate) fn pooled(config: &mut Config, wiping: Wiping) {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(CALLS)
        .total_core_instances(CALLS * INSTANCES)
        .total_memories(CALLS * MEMORIES)
        .total_tables(CALLS * TABLES)
        .max_core_instances_per_component(INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_unused_warm_slots(CALLS)
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(KEPT_BYTES)
        .table_keep_resident(KEPT_BYTES)
        .pagemap_scan(match wiping {
            Wiping::Whole => Enabled::No,
            Wiping::Written => Enabled::Auto,
        });
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
}

/// Lets as many calls in as there is room for. Where there is room, that is one number: waking somebody is a call of the system, whether somebody waits or not.
#[derive(Debug)]
pub(crate) struct Gate {
    free: AtomicU32,
    waiting: AtomicU32,
    door: Mutex<()>,
    freed: Condvar,
}

/// A place in the pool, until it is dropped.
pub(crate) struct Entry<'a>(&'a Gate);

impl Default for Gate {
    fn default() -> Self {
        Self { free: AtomicU32::new(CALLS), waiting: AtomicU32::new(0), door: Mutex::default(), freed: Condvar::new() }
    }
}

impl Gate {
    /// Waits for a place. Calls end by their deadline, so this does.
    pub(crate) fn enter(&self) -> Entry<'_> {
        if !self.take() {
            // Said before the last look at `free`, and read after it was raised: one of the two sees the other.
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let mut door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
            while !self.take() {
                door = self.freed.wait(door).unwrap_or_else(PoisonError::into_inner);
            }
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        Entry(self)
    }

    fn take(&self) -> bool {
        self.free.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |free| free.checked_sub(1)).is_ok()
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.0.free.fetch_add(1, Ordering::SeqCst);
        if self.0.waiting.load(Ordering::SeqCst) > 0 {
            // Closes the window between a waiter's last look and its wait.
            drop(self.0.door.lock().unwrap_or_else(PoisonError::into_inner));
            self.0.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_let_in_than_there_is_room_for() {
        let (gate, inside, most) = (Gate::default(), AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..2 * CALLS {
                scope.spawn(|| {
                    let _entry = gate.enter();
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    inside.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        assert!((1..=CALLS).contains(&most.load(Ordering::SeqCst)));
        assert_eq!((gate.free.into_inner(), gate.waiting.into_inner()), (CALLS, 0));
    }
}
