//! The wall clock behind deadlines: one thread that advances the engine's epoch while a policy is running, and sleeps otherwise.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

/// Milliseconds between two epochs: how late a deadline may be noticed.
pub(crate) const TICK_MS: u64 = 10;

/// Ticks without a running call after which the thread goes to sleep. Not at once: calls come in bursts, and waking costs more than a tick.
const IDLE_TICKS: u32 = 10;

#[derive(Default)]
struct Shared {
    running: AtomicUsize,
    asleep: AtomicBool,
    over: AtomicBool,
    gate: Mutex<()>,
    wake: Condvar,
}

impl Shared {
    fn wake(&self) {
        // Taking the gate closes the window between the thread's last look at `running` and its wait.
        drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_one();
    }
}

/// Starts its thread with the first call that asks for it: most of what a short process does needs no clock.
#[derive(Default)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: OnceLock<bool>,
}

/// A call that is running. The clock ticks until the last of these is dropped.
pub(crate) struct Running<'a>(&'a Shared);

impl Ticker {
    /// Whether a call has asked for it.
    #[cfg(test)]
    pub(crate) fn has_a_thread(&self) -> bool {
        self.thread.get().is_some()
    }

    /// Marks the start of a call. `None` when the thread cannot be started: no call may run without its deadline.
    pub(crate) fn start(&self, engine: &Engine) -> Option<Running<'_>> {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        let running = Running(&self.shared);
        let started = *self.thread.get_or_init(|| {
            let (shared, engine) = (Arc::clone(&self.shared), engine.weak());
            std::thread::Builder::new().name("policy-clock".into()).spawn(move || tick(&shared, &engine)).is_ok()
        });
        if !started {
            return None;
        }
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.shared.wake();
        }
        Some(running)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.shared.wake();
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    let mut idle = 0;
    while !shared.over.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(TICK_MS));
        let Some(engine) = engine.upgrade() else { return };
        engine.increment_epoch();
        drop(engine);
        idle = if shared.running.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
        if idle >= IDLE_TICKS {
            let mut gate = shared.gate.lock().unwrap_or_else(PoisonError::into_inner);
            shared.asleep.store(true, Ordering::SeqCst);
            while shared.running.load(Ordering::SeqCst) == 0 && !shared.over.load(Ordering::SeqCst) {
                gate = shared.wake.wait(gate).unwrap_or_else(PoisonError::into_inner);
            }
            shared.asleep.store(false, Ordering::SeqCst);
            idle = 0;
        }
    }
}
