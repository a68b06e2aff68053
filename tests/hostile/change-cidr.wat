;; Writes a network that is none.
;; code: invalid-result
(func $mutate (param $cluster i32) (result i32)
  (i32.store8 (i32.load offset=4 (i32.load offset=(@offset cluster.ssh ssh.allow) (local.get $cluster))) (i32.const 120))
  (call $amend (local.get $cluster) (@text "r") (@text "") (@text "Better.")))
