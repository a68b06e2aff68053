;; Says why before it gives up, with an escape that would clear the terminal.
;; code: trap
(func $validate (param $cluster i32) (result i32)
  (call $log (i32.const 3) (@text "panicked at src/lib.rs:7: \1b[2J\1b[31mno tags"))
  (unreachable))
