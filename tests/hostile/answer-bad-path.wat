;; Blames a path that is none.
;; code: invalid-result
(func $validate (param $cluster i32) (result i32)
  (call $violate (@text "r") (@text "not a path") (@text "It is wrong.")))
