;; A function that the compiler would be busy with for hours: a table of 300 branches, 300 times over.
;; code: too-complex
(func $validate (param $cluster i32) (result i32)
  (@times 300 (block times@)
  (@times 300 (br_table (@times 300 7 times@) (local.get $cluster)) times@)
  (@times 300 ) times@)
  (call $pass))
