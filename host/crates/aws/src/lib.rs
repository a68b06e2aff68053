//! kaphost-aws
