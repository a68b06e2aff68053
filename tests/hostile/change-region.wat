;; Moves the cluster to another region.
;; code: forbidden-change
(func $mutate (param $cluster i32) (result i32)
  (i32.store8 (i32.load offset=(@offset cluster.region) (local.get $cluster)) (i32.const 120))
  (call $amend (local.get $cluster) (@text "r") (@text "") (@text "Better.")))
