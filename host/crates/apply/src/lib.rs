//! kaphost-apply
