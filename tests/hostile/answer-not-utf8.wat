;; Its message is not UTF-8.
;; code: invalid-result
(func $validate (param $cluster i32) (result i32)
  (call $violate (@text "r") (@text "tenancy") (@text "\ff\fe")))
