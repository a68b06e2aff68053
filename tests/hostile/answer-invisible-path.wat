;; Blames a path that would turn the line around.
;; code: invalid-result
(func $validate (param $cluster i32) (result i32)
  (call $violate (@text "r") (@text "tag[\"a\u{202e}b\"]") (@text "It is wrong.")))
