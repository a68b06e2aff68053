;; Gives the cluster another name, and with it other resources.
;; code: forbidden-change
(func $mutate (param $cluster i32) (result i32)
  (i32.store8 (i32.load offset=(@offset cluster.name) (local.get $cluster)) (i32.const 120))
  (call $amend (local.get $cluster) (@text "r") (@text "") (@text "Better.")))
