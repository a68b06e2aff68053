//! restrict-ssh
