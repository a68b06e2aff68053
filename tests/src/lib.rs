//! kaphost-tests
