;; Wants a table of a million entries from the start.
;; code: table-limit
(table 1000000 funcref)
(func $validate (param $cluster i32) (result i32)
  (call $pass))
