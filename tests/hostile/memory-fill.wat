;; Asks for all the memory there is and writes on every page.
;; code: memory-limit
(func $validate (param $cluster i32) (result i32)
  (local $page i32)
  (loop $again
    (local.set $page (memory.grow (i32.const 16)))
    (memory.fill (i32.mul (local.get $page) (i32.const 65536)) (i32.const 1) (i32.const 1048576))
    (br $again))
  (unreachable))
