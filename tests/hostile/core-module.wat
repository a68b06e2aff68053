;; A core module, as compilers make them before they are made components.
;; code: not-a-component
(module (func (export "validate") (param i32) (result i32) (i32.const 0)))
