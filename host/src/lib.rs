//! kaphost
