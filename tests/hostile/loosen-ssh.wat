;; Lets the whole world in where the config lets an office in, and calls that narrowing.
;; code: loosens
(func $mutate (param $cluster i32) (result i32)
  (call $put (i32.add (i32.load offset=(@offset cluster.ssh ssh.allow) (local.get $cluster)) (i32.const 4)) (@text "0.0.0.0/0"))
  (call $amend (local.get $cluster) (@text "r") (@text "ssh.allow") (@text "Narrower.")))
