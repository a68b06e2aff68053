;; Wants 4 GiB from the start.
;; code: memory-limit
(@pages 65536)
(func $validate (param $cluster i32) (result i32)
  (call $pass))
