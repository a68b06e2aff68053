;; Denies without a violation.
;; code: silent-denial
(func $mutate (param $cluster i32) (result i32)
  (local $at i32)
  (local.set $at (call $keep (local.get $cluster)))
  (i32.store8 (local.get $at) (i32.const 1))
  (i64.store offset=4 (local.get $at) (i64.const 0))
  (local.get $at))
