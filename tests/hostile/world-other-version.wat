;; Speaks a later version of the contract.
;; code: wrong-contract-version
(component
  (component $c)
  (instance $i (instantiate $c))
  (export "kaphost:policy/metadata@0.2.0" (instance $i))
  (export "kaphost:policy/validating@0.2.0" (instance $i))
)
