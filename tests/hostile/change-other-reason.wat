;; Changes the tenancy and gives a reason for something else.
;; code: unexplained-change
(func $mutate (param $cluster i32) (result i32)
  (i32.store8 offset=(@offset cluster.tenancy) (local.get $cluster) (i32.const 1))
  (call $amend (local.get $cluster) (@text "r") (@text "network") (@text "Better.")))
