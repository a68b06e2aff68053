//! `kaphost`: see the library for all of it.

use std::process::ExitCode;

fn main() -> ExitCode {
    kaphost::main_impl()
}
