//! kaphost-guest
