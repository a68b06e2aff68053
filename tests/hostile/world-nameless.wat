;; Refuses, and does not say who it is.
;; code: wrong-world
(component
  (component $c)
  (instance $i (instantiate $c))
  (export "kaphost:policy/validating@0.1.0" (instance $i))
)
