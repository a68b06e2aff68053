;; Two policies want the first letter of the instance type to be another: neither wins, and both are named.
;; code: unsettled
(func $mutate (param $cluster i32) (result i32)
  (i32.store8 (i32.load offset=(@offset cluster.instance-type) (local.get $cluster)) (i32.const 109))
  (call $amend (local.get $cluster) (@text "r") (@text "instance-type") (@text "The m family.")))
;; ---
;; The other one.
(func $describe (result i32)
  (call $described (@text "other-policy") (@text "1.2.3") (@text "A test.") (@text "r") (@text "It holds.")))
(func $mutate (param $cluster i32) (result i32)
  (i32.store8 (i32.load offset=(@offset cluster.instance-type) (local.get $cluster)) (i32.const 99))
  (call $amend (local.get $cluster) (@text "r") (@text "instance-type") (@text "The c family.")))
