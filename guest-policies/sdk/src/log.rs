//! The only way out of a policy.

#[cfg(target_arch = "wasm32")]
use crate::Level;

/// Says something to whoever runs kaphost with `--verbose`. Never changes the decision. The host limits size and number.
///
/// In native tests the message is kept instead, for [`crate::testing::logged`].
#[cfg(target_arch = "wasm32")]
pub fn log(level: Level, message: &str) {
    crate::bindings::logging::log(level, message);
}

#[cfg(not(target_arch = "wasm32"))]
pub use native::log;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod native {
    use std::cell::RefCell;

    use crate::Level;

    thread_local! {
        static KEPT: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
    }

    /// Says something to whoever runs kaphost with `--verbose`. Never changes the decision. The host limits size and number.
    ///
    /// In native tests the message is kept instead, for [`crate::testing::logged`].
    pub fn log(level: Level, message: &str) {
        KEPT.with_borrow_mut(|kept| kept.push((level, message.to_owned())));
    }

    pub(crate) fn take() -> Vec<(Level, String)> {
        KEPT.take()
    }
}

/// Sends the message of a panic to the host before the trap, which by itself says nothing but `unreachable`.
pub(crate) fn report_panics() {
    #[cfg(target_arch = "wasm32")]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        ONCE.call_once(|| std::panic::set_hook(Box::new(|panic| log(Level::Error, &panic.to_string()))));
    }
}
