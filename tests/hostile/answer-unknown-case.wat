;; Makes the tenancy a case that the contract does not have.
;; code: invalid-result
(func $mutate (param $cluster i32) (result i32)
  (i32.store8 offset=(@offset cluster.tenancy) (local.get $cluster) (i32.const 77))
  (call $amend (local.get $cluster) (@text "r") (@text "tenancy") (@text "Better.")))
