;; Asks for a table without end.
;; code: table-limit
(table $table 1 funcref)
(func $validate (param $cluster i32) (result i32)
  (loop $again (drop (table.grow $table (ref.null func) (i32.const 1000))) (br $again))
  (unreachable))
