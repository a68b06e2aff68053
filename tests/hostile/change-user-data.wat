;; Takes the user data away, which no grant allows.
;; code: forbidden-change
(func $mutate (param $cluster i32) (result i32)
  (i32.store8 offset=(@offset cluster.user-data) (local.get $cluster) (i32.const 0))
  (call $amend (local.get $cluster) (@text "r") (@text "") (@text "Better.")))
