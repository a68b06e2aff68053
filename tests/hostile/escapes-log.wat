;; Logs escapes, which are shown with -v.
;; exit: 0
;; command: check -v
(func $validate (param $cluster i32) (result i32)
  (call $log (i32.const 1) (@text "\1b[2J\1b]0;owned\07\rhello\u{9b}31m\u{202e}"))
  (call $pass))
