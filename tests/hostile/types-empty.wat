;; The right names with nothing behind them.
;; code: wrong-types
(component
  (component $c)
  (instance $i (instantiate $c))
  (export "kaphost:policy/metadata@0.1.0" (instance $i))
  (export "kaphost:policy/validating@0.1.0" (instance $i))
)
