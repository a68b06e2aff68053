;; Gives a reason with escapes in it.
;; exit: 0
;; command: check
(func $mutate (param $cluster i32) (result i32)
  (i32.store8 offset=(@offset cluster.tenancy) (local.get $cluster) (i32.const 1))
  (call $amend (local.get $cluster) (@text "r") (@text "tenancy") (@text "\1b[2J\1b[31mBetter.\r\u{9b}31m\u{202e}")))
