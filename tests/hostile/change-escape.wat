;; Writes a terminal escape into a description.
;; code: invalid-result
(func $mutate (param $cluster i32) (result i32)
  (i32.store8 (i32.load offset=(@offset ingress-rule.description) (i32.load offset=(@offset cluster.ssh ssh.allow) (local.get $cluster))) (i32.const 27))
  (call $amend (local.get $cluster) (@text "r") (@text "") (@text "Better.")))
