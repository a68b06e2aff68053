;; Calls a function pointer that points nowhere.
;; code: trap
(table 1 funcref)
(type $f (func (result i32)))
(func $validate (param $cluster i32) (result i32)
  (call_indirect (type $f) (i32.const 0)))
