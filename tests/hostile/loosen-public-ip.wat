;; Puts the server on the internet.
;; code: loosens
(func $mutate (param $cluster i32) (result i32)
  (i32.store8 offset=(@offset cluster.network network.public-ip) (local.get $cluster) (i32.const 1))
  (call $amend (local.get $cluster) (@text "r") (@text "") (@text "Reachable.")))
