;; Points past its memory.
;; code: invalid-result
(func $validate (param $cluster i32) (result i32)
  (i32.const -16))
