;; Its summary is not UTF-8.
;; code: invalid-result
(func $describe (result i32)
  (call $described (@text "test-policy") (@text "1.2.3") (@text "\ff\fe") (@text "r") (@text "It holds.")))
