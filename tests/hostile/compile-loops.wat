;; A thousand variables in a thousand loops: 16 KB of code that the compiler would take 2 GiB for.
;; code: too-complex
(func $validate (param $cluster i32) (result i32)
  (local (@times 1000 i32 times@))
  (@times 1000 (loop times@)
  (@times 1000 (br_if 0 (local.get $cluster))) times@)
  (call $pass))
