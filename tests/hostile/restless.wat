;; Counts the port of SSH up, whatever it is.
;; code: unsettled
(func $mutate (param $cluster i32) (result i32)
  (i32.store16 (i32.add (local.get $cluster) (i32.const (@offset cluster.ssh ssh.port))) (i32.add (i32.load16_u (i32.add (local.get $cluster) (i32.const (@offset cluster.ssh ssh.port)))) (i32.const 1)))
  (call $amend (local.get $cluster) (@text "r") (@text "ssh.port") (@text "One more.")))
