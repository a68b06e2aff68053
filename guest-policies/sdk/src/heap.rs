//! The memory of a policy: taken, and never given back.
//!
//! An instance lives for one call, and then the host throws its memory away whole. Whatever an allocator does so that memory can be used again is work for
//! nothing: in a call of some microseconds it was a good part of it, and of what is compiled and kept of a policy too, since every value that is dropped
//! brings code that frees it. Here a request moves a pointer on, and freeing does nothing, which the compiler sees.
//!
//! What a call takes in all is therefore what counts against the host's limit of memory, not what it holds at once. A policy that works through much more
//! than it keeps turns the feature `bump-heap` of this crate off, and has Rust's own allocator.

#![expect(unsafe_code, reason = "a global allocator cannot be had without: it deals in raw memory by its nature")]

use core::alloc::{GlobalAlloc, Layout};
use core::cell::Cell;
use core::ptr;

/// Where a heap gets more memory from.
///
/// # Safety
/// What `more` hands out is writable, and nobody else's, for as long as the program runs.
unsafe trait Source {
    /// A block of at least so many bytes, and how many it has.
    fn more(&self, bytes: usize) -> Option<(*mut u8, usize)>;
}

/// Hands out what its source gives, from front to back.
struct Heap<S> {
    /// Where the next value goes.
    next: Cell<*mut u8>,
    /// Bytes from there on.
    left: Cell<usize>,
    source: S,
}

impl<S: Source> Heap<S> {
    /// Sees to it that so many bytes are left, though perhaps in another place than before.
    fn reserve(&self, bytes: usize) -> bool {
        if bytes <= self.left.get() {
            return true;
        }
        let Some((block, size)) = self.source.more(bytes) else { return false };
        if block == self.next.get().wrapping_add(self.left.get()) {
            self.left.set(self.left.get() + size);
        } else {
            // What was left of the last block is lost: less than one request.
            self.next.set(block);
            self.left.set(size);
        }
        true
    }

    /// The place of a new value; null when there is no room for it.
    fn take(&self, layout: Layout) -> *mut u8 {
        // Enough wherever the block begins. Neither is anywhere near the end of what can be counted: a layout is half of it at most.
        if !self.reserve(layout.size().saturating_add(layout.align() - 1)) {
            return ptr::null_mut();
        }
        let padding = self.next.get().align_offset(layout.align());
        let place = self.next.get().wrapping_add(padding);
        self.next.set(place.wrapping_add(layout.size()));
        self.left.set(self.left.get() - padding - layout.size());
        place
    }

    /// Makes a value larger where it is, if it is the last one and there is room.
    fn stretch(&self, value: *mut u8, old: usize, new: usize) -> bool {
        let is_last = value.wrapping_add(old) == self.next.get();
        let more = new - old;
        if !is_last || more > self.left.get() {
            return false;
        }
        self.next.set(self.next.get().wrapping_add(more));
        self.left.set(self.left.get() - more);
        true
    }
}

// SAFETY: `take` hands out parts of what the source gave, which is writable and nobody else's. Each begins behind the end of the one before, and is aligned
// and as long as was asked: so no two overlap. Nothing is freed, so nothing is handed out twice. A value is stretched only into what has not been handed
// out. Nothing here can unwind.
unsafe impl<S: Source> GlobalAlloc for Heap<S> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.take(layout)
    }

    #[inline]
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

    unsafe fn realloc(&self, value: *mut u8, layout: Layout, new: usize) -> *mut u8 {
        let old = layout.size();
        if new <= old || self.stretch(value, old, new) {
            return value;
        }
        let Ok(layout) = Layout::from_size_align(new, layout.align()) else { return ptr::null_mut() };
        let place = self.take(layout);
        if !place.is_null() {
            // SAFETY: both are this long, the old one by the caller's word, and the new one begins behind everything that was handed out before.
            unsafe { ptr::copy_nonoverlapping(value, place, old) };
        }
        place
    }
}

#[cfg(all(target_arch = "wasm32", feature = "bump-heap"))]
mod guest {
    use core::arch::wasm32;
    use core::cell::Cell;
    use core::ptr;

    use super::{Heap, Source};

    /// Bytes of WebAssembly's pages.
    const PAGE_BYTES: usize = 64 << 10;

    /// Bytes that every policy has from the start, beside what is left of its last page: most calls get by with them, and growing is a call of the host.
    const FIRST_BYTES: usize = 20 << 10;

    unsafe extern "C" {
        /// Where the linker ends what it has laid out: the stack and all data lie before.
        static __heap_base: u8;
        /// Where the memory ends that is there from the start.
        static __heap_end: u8;
    }

    /// The linear memory.
    struct Linear {
        /// Whether what is there from the start has been handed out.
        begun: Cell<bool>,
    }

    // SAFETY: what the linker left over is nobody's but an allocator's, and is handed out once. What `memory.grow` adds was not there before, so it is
    // nobody's either. Linear memory never shrinks.
    unsafe impl Source for Linear {
        fn more(&self, bytes: usize) -> Option<(*mut u8, usize)> {
            if !self.begun.replace(true) {
                let (base, end) = ((&raw const __heap_base).cast_mut(), &raw const __heap_end);
                let room = end.addr() - base.addr();
                if room >= bytes {
                    return Some((base, room));
                }
            }
            // A request for each page would be many calls of the host where there are many; a large step would meet the limit earlier than need be.
            let pages = bytes.div_ceil(PAGE_BYTES).max(wasm32::memory_size::<0>() / 4);
            let before = wasm32::memory_grow::<0>(pages);
            (before != usize::MAX).then(|| (ptr::with_exposed_provenance_mut(before * PAGE_BYTES), pages * PAGE_BYTES))
        }
    }

    // SAFETY: this target has no threads.
    #[cfg(not(target_feature = "atomics"))]
    unsafe impl Sync for Heap<Linear> {}

    /// Tells the host that it may ask for memory once for many values: none is ever given back one by one.
    #[unsafe(link_section = "kaphost:never-frees")]
    #[used]
    static PROMISE: [u8; 1] = [1];

    static mut FIRST: [u8; FIRST_BYTES] = [0; FIRST_BYTES];

    /// Nobody but the heap names `FIRST`.
    #[global_allocator]
    static HEAP: Heap<Linear> =
        Heap { next: Cell::new((&raw mut FIRST).cast()), left: Cell::new(FIRST_BYTES), source: Linear { begun: Cell::new(false) } };
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use proptest::prelude::*;

    use super::*;

    /// Gives out blocks of the system's, of a size of its own unless more is asked for, until it has given this much.
    struct Blocks {
        size: usize,
        limit: usize,
        given: RefCell<Vec<(*mut u8, Layout)>>,
    }

    // SAFETY: the system's allocator gave each block out, and it is freed when the source is dropped, after every use of the heap.
    unsafe impl Source for Blocks {
        fn more(&self, bytes: usize) -> Option<(*mut u8, usize)> {
            let mut given = self.given.borrow_mut();
            let layout = Layout::from_size_align(bytes.max(self.size), 1).ok()?;
            if given.iter().map(|(_, layout)| layout.size()).sum::<usize>() + layout.size() > self.limit {
                return None;
            }
            // SAFETY: never of no bytes: nobody reserves none.
            let block = unsafe { std::alloc::alloc(layout) };
            given.push((block, layout));
            Some((block, layout.size()))
        }
    }

    impl Drop for Blocks {
        fn drop(&mut self) {
            for (block, layout) in self.given.take() {
                // SAFETY: it was given out with this layout, once.
                unsafe { std::alloc::dealloc(block, layout) };
            }
        }
    }

    fn heap(size: usize, limit: usize) -> Heap<Blocks> {
        let source = Blocks { size, limit, given: RefCell::default() };
        Heap { next: Cell::new(ptr::null_mut()), left: Cell::new(0), source }
    }

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn the_last_value_grows_where_it_is_and_others_move_with_what_they_hold() {
        let heap = heap(1_000, 10_000);
        // SAFETY: each pointer is used within its layout, and with the layout that it was given out with.
        unsafe {
            let first = heap.alloc(layout(10, 1));
            first.write_bytes(7, 10);
            assert_eq!(heap.realloc(first, layout(10, 1), 100), first);
            let second = heap.alloc(layout(8, 8));
            let moved = heap.realloc(first, layout(100, 1), 200);
            assert!(moved > second);
            assert_eq!(std::slice::from_raw_parts(moved, 10), [7; 10]);
            // Smaller always fits.
            assert_eq!(heap.realloc(second, layout(8, 8), 1), second);
            // No room in this block: another one.
            let far = heap.realloc(moved, layout(200, 1), 2_000);
            assert_eq!(std::slice::from_raw_parts(far, 10), [7; 10]);
        }
    }

    #[test]
    fn what_cannot_be_had_is_null_and_leaves_the_rest_usable() {
        let heap = heap(1_000, 2_000);
        // SAFETY: as above.
        unsafe {
            let small = heap.alloc(layout(10, 1));
            small.write_bytes(7, 10);
            assert!(heap.alloc(layout(5_000, 1)).is_null());
            assert!(heap.alloc(layout(usize::MAX / 2, 1)).is_null());
            assert!(heap.realloc(small, layout(10, 1), 5_000).is_null());
            assert_eq!(std::slice::from_raw_parts(small, 10), [7; 10]);
            assert!(!heap.alloc(layout(10, 1)).is_null());
        }
    }

    #[test]
    fn zeroed_memory_is_zero() {
        let heap = heap(1_000, 2_000);
        // SAFETY: as above.
        unsafe {
            heap.alloc(layout(1, 1)).write(1);
            let zeroed = heap.alloc_zeroed(layout(100, 4));
            assert_eq!(std::slice::from_raw_parts(zeroed, 100), [0; 100]);
        }
    }

    proptest! {
        /// Whatever is taken, in whatever order it grows: aligned, apart from each other, and it keeps what was written to it.
        #[test]
        fn values_are_apart_and_keep_what_they_hold(
            block in 1_usize..300,
            steps in prop::collection::vec((any::<prop::sample::Index>(), 1_usize..200, 0_u32..5, any::<bool>()), 1..60),
        ) {
            let heap = heap(block, 1 << 20);
            let mut values: Vec<(*mut u8, Layout, u8)> = Vec::new();
            for (turn, (which, size, align, grow)) in steps.into_iter().enumerate() {
                let mark = u8::try_from(turn).unwrap();
                // SAFETY: each pointer is used within its layout, and with the layout that it has.
                unsafe {
                    if grow && !values.is_empty() {
                        let value = which.get_mut(&mut values);
                        let place = heap.realloc(value.0, value.1, size);
                        let kept = value.1.size().min(size);
                        prop_assert!(std::slice::from_raw_parts(place, kept).iter().all(|byte| *byte == value.2));
                        place.write_bytes(value.2, size);
                        *value = (place, layout(size, value.1.align()), value.2);
                    } else {
                        let layout = layout(size, 1 << align);
                        let place = heap.alloc(layout);
                        place.write_bytes(mark, size);
                        values.push((place, layout, mark));
                    }
                }
                for (place, layout, mark) in &values {
                    prop_assert_eq!(place.addr() % layout.align(), 0);
                    // SAFETY: as above.
                    let held = unsafe { std::slice::from_raw_parts(*place, layout.size()) };
                    prop_assert!(held.iter().all(|byte| byte == mark));
                }
            }
        }
    }
}
