;; Changes the tenancy by a rule that it never described.
;; code: unknown-rule
(func $mutate (param $cluster i32) (result i32)
  (i32.store8 offset=(@offset cluster.tenancy) (local.get $cluster) (i32.const 1))
  (call $amend (local.get $cluster) (@text "other-rule") (@text "tenancy") (@text "Better.")))
