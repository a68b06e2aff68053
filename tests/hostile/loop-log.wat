;; Logs without end: what the host does for a guest is paid for as well.
;; code: out-of-fuel
(@pages 20)
(func $validate (param $cluster i32) (result i32)
  (loop $again
    (call $log (i32.const 1) (i32.const 131072) (i32.const 1000000))
    (br $again))
  (unreachable))
