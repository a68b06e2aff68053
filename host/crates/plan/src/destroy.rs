//! (in the making)
/// x
pub fn destroy() {}
