//! kaphost-plan
