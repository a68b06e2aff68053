;; WebAssembly's text format, not compiled.
;; code: not-wasm
;; file: text
(component)
