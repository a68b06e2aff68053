//! (in the making)
/// x
pub fn diff() {}
/// x
pub fn query() {}
