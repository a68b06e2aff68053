//! kaphost-lab
