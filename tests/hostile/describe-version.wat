;; Has no semantic version.
;; code: bad-description
(func $describe (result i32)
  (call $described (@text "test-policy") (@text "the best one") (@text "A test.") (@text "r") (@text "It holds.")))
