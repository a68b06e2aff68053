//! (in the making)
/// x
pub fn check() {}
