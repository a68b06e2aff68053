//! A decision, and what was done by it, as one page of HTML.
//!
//! Beside the pipeline: the command line gathers what is known into a [`Page`], and [`html`] writes it down. Pure: no file, no clock, no network, and the
//! page needs none either. It holds no script, loads nothing, and its content security policy forbids both, so that what a policy's author or a config's writes can
//! only ever be read.
//!
//! ```
//! use kaphost_report::{Page, Verdict, html};
//!
//! let page = html(&Page::new("kapacitor-stage", Verdict::Admitted));
//! assert!(page.starts_with("<!DOCTYPE html>") && page.contains("kapacitor-stage"));
//! ```

mod code;
mod graph;
mod model;
mod page;
mod policies;
mod run;
mod text;

pub use model::*;
pub use page::{html, html_of_all};
