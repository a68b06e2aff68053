;; Logs a thousand times: some of it is kept, and the rest is counted.
;; exit: 0
;; command: check -v
(func $validate (param $cluster i32) (result i32)
  (local $count i32)
  (loop $again
    (call $log (i32.const 1) (@text "hello"))
    (local.set $count (i32.add (local.get $count) (i32.const 1)))
    (br_if $again (i32.lt_u (local.get $count) (i32.const 1000))))
  (call $pass))
