//! Text → KDL document.

use kdl::KdlDocument;

use super::context::Context;
use super::value::range;
use crate::Code;

/// Bytes of a config. All that a cluster can hold is far below it; `kdl` takes about 40 times as much memory as its text.
const MAX_BYTES: usize = 1024 * 1024;

/// The document, or nothing when the text is none, which is reported.
pub(super) fn read(cx: &Context<'_>) -> Option<KdlDocument> {
    let text = cx.source.text.as_str();
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} bytes, {MAX_BYTES} at most", text.len());
        let help = "put long scripts into files of their own: `user-data (file)\"boot.sh\"`";
        cx.report(cx.diagnostic(Code::FileTooLarge, 0..0, message).with_help(help));
        return None;
    }
    match KdlDocument::parse_v2(text) {
        Ok(document) => Some(document),
        Err(error) => {
            for diagnostic in error.diagnostics {
                let message = diagnostic.message.unwrap_or_else(|| "this is no KDL 2".to_owned());
                let label = diagnostic.label.unwrap_or_else(|| "here".to_owned());
                let help = diagnostic.help.unwrap_or_else(|| "kdl.dev explains the language".to_owned());
                cx.report(cx.diagnostic(Code::Syntax, range(diagnostic.span), message).with_label(label).with_help(help));
            }
            None
        }
    }
}
