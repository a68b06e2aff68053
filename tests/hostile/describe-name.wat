;; Calls itself by an escape that would change the colour of the terminal.
;; code: bad-description
(func $describe (result i32)
  (call $described (@text "\1b[31mred") (@text "1.2.3") (@text "A test.") (@text "r") (@text "It holds.")))
