;; Wants the contract's logging with another type.
;; code: wrong-types
(component
  (import "kaphost:policy/logging@0.1.0" (instance (export "log" (func (param "message" string)))))
  (component $c)
  (instance $i (instantiate $c))
  (export "kaphost:policy/metadata@0.1.0" (instance $i))
  (export "kaphost:policy/validating@0.1.0" (instance $i)))
