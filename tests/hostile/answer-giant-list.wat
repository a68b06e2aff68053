;; A list of a hundred thousand violations.
;; code: result-too-large
(@pages 700)
(func $validate (param $cluster i32) (result i32)
  (local $at i32)
  (local.set $at (call $pass))
  (call $put (local.get $at) (i32.const 100000) (i32.const 100000))
  (local.get $at))
