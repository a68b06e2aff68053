;; Says who it is, and does nothing.
;; code: wrong-world
(component
  (component $c)
  (instance $i (instantiate $c))
  (export "kaphost:policy/metadata@0.1.0" (instance $i))
)
