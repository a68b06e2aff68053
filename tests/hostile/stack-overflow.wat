;; Calls itself without end.
;; code: stack-overflow
(func $down (param $depth i32) (result i32)
  (i32.add (call $down (i32.add (local.get $depth) (i32.const 1))) (i32.const 1)))
(func $validate (param $cluster i32) (result i32)
  (call $down (i32.const 0)))
