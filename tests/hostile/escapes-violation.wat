;; Denies with escapes in every sentence: a title for the window, a cleared screen, a link, text that turns around.
;; exit: 3
(func $describe (result i32)
  (call $described (@text "test-policy") (@text "1.2.3") (@text "\1b]0;owned\07") (@text "r") (@text "\1b[2J")))
(func $validate (param $cluster i32) (result i32)
  (call $violate (@text "r") (@text "tenancy") (@text "\1b]0;owned\07\1b[2J\1b]8;;http://example.com\1b\\click\r\n\u{9b}31m\u{202e}esrever\u{feff}\00")))
