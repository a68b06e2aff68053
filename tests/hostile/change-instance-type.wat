;; Writes an instance type that AWS would refuse.
;; code: invalid-result
(func $mutate (param $cluster i32) (result i32)
  (i32.store8 (i32.load offset=(@offset cluster.instance-type) (local.get $cluster)) (i32.const 32))
  (call $amend (local.get $cluster) (@text "r") (@text "") (@text "Better.")))
