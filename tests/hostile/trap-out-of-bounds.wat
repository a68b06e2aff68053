;; Reads past its memory.
;; code: trap
(func $validate (param $cluster i32) (result i32)
  (i32.load (i32.const -4)))
