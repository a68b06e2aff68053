;; One log message of 40 MB.
;; code: result-too-large
(@pages 700)
(func $validate (param $cluster i32) (result i32)
  (call $log (i32.const 1) (i32.const 65536) (i32.const 40000000))
  (call $pass))
