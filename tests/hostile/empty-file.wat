;; Nothing at all.
;; code: not-wasm
;; file: empty
