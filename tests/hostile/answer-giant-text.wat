;; One violation whose message is 40 MB long.
;; code: result-too-large
(@pages 700)
(func $validate (param $cluster i32) (result i32)
  (call $violate (@text "r") (@text "tenancy") (i32.const 100000) (i32.const 40000000)))
