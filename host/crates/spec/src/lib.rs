//! kaphost-spec
