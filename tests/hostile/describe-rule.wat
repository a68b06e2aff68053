;; Its rule's name would turn the line around.
;; code: bad-description
(func $describe (result i32)
  (call $described (@text "test-policy") (@text "1.2.3") (@text "A test.") (@text "r\u{202e}gpj") (@text "It holds.")))
