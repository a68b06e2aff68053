;; Cites a rule that it never described.
;; code: unknown-rule
(func $validate (param $cluster i32) (result i32)
  (call $violate (@text "other-rule") (@text "tenancy") (@text "It is wrong.")))
