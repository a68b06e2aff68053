//! kaphost-policy
