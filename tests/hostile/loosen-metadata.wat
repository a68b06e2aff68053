;; Lets a container's workload at the instance's credentials: two hops, and no session token.
;; code: loosens
(func $mutate (param $cluster i32) (result i32)
  (i32.store8 offset=(@offset cluster.metadata instance-metadata.tokens) (local.get $cluster) (i32.const 1))
  (i32.store8 offset=(@offset cluster.metadata instance-metadata.hop-limit) (local.get $cluster) (i32.const 2))
  (call $amend (local.get $cluster) (@text "r") (@text "metadata") (@text "Older tools need it.")))
