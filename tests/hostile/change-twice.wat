;; Lists one subnet twice.
;; code: invalid-result
(func $mutate (param $cluster i32) (result i32)
  (i64.store offset=8
    (i32.load offset=(@offset cluster.network network.subnets) (local.get $cluster))
    (i64.load (i32.load offset=(@offset cluster.network network.subnets) (local.get $cluster))))
  (call $amend (local.get $cluster) (@text "r") (@text "") (@text "Better.")))
