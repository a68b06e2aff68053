;; Two hundred violations whose message is the same half a megabyte of its memory: 100 MB once it is taken out for each.
;; code: result-too-large
(@pages 20)
(func $validate (param $cluster i32) (result i32)
  (local $at i32) (local $one i32) (local $list i32) (local $count i32)
  (local.set $at (call $violate (@text "r") (@text "tenancy") (i32.const 100000) (i32.const 500000)))
  (local.set $one (i32.load (local.get $at)))
  (local.set $list (call $alloc (i32.mul (i32.const 200) (i32.const (@offset violation.*)))))
  (loop $more
    (memory.copy
      (i32.add (local.get $list) (i32.mul (local.get $count) (i32.const (@offset violation.*))))
      (local.get $one)
      (i32.const (@offset violation.*)))
    (local.set $count (i32.add (local.get $count) (i32.const 1)))
    (br_if $more (i32.lt_u (local.get $count) (i32.const 200))))
  (call $put (local.get $at) (local.get $list) (i32.const 200))
  (local.get $at))
