;; Looks for the machine that it runs on in the bits of what is no number: they are the same on all of them, or it gives up.
;; exit: 0
;; command: plan
(func $same (param $bits i32)
  (if (i32.ne (local.get $bits) (i32.const 0x7fc00000)) (then (unreachable))))
(func $same-long (param $bits i64)
  (if (i64.ne (local.get $bits) (i64.const 0x7ff8000000000000)) (then (unreachable))))
(func $validate (param $cluster i32) (result i32)
  (local $zero f32) (local $long f64)
  (call $same (i32.reinterpret_f32 (f32.div (local.get $zero) (local.get $zero))))
  (call $same (i32.reinterpret_f32 (f32.sqrt (f32.sub (local.get $zero) (f32.const 1)))))
  (call $same (i32.reinterpret_f32 (f32.add (f32.const -nan:0x212345) (local.get $zero))))
  (call $same (i32.reinterpret_f32 (f32.max (f32.const nan:0x212345) (f32.const -nan:0x254321))))
  (call $same-long (i64.reinterpret_f64 (f64.div (local.get $long) (local.get $long))))
  (call $same-long (i64.reinterpret_f64 (f64.mul (f64.const -nan:0x7123456789abc) (local.get $long))))
  (call $same-long (i64.reinterpret_f64 (f64.promote_f32 (f32.sub (f32.const nan:0x212345) (local.get $zero)))))
  (call $pass))
