;; The right names with functions of another type; the start function would trap if anything were run.
;; code: wrong-types
(component
  (core module $m (func (export "f") (result i32) (i32.const 0)) (func $start (unreachable)) (start $start))
  (core instance $i (instantiate $m))
  (func $f (result u32) (canon lift (core func $i "f")))
  (component $c (import "f" (func $f (result u32))) (export "describe" (func $f)) (export "validate" (func $f)))
  (instance $e (instantiate $c (with "f" (func $f))))
  (export "kaphost:policy/metadata@0.1.0" (instance $e))
  (export "kaphost:policy/validating@0.1.0" (instance $e)))
