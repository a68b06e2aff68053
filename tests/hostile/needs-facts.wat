;; Cannot judge without knowing the account and the subnets, which nobody gave it.
;; code: missing-facts
;; command: check
(func $describe (result i32)
  (local $at i32) (local $needs i32)
  (local.set $needs (call $alloc (i32.const 2)))
  (i32.store8 offset=1 (local.get $needs) (i32.const 2))
  (local.set $at (call $described (@text "test-policy") (@text "1.2.3") (@text "A test.") (@text "r") (@text "It holds.")))
  (call $put (i32.add (local.get $at) (i32.const (@offset description.needs))) (local.get $needs) (i32.const 2))
  (local.get $at))
