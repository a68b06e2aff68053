;; Names no version of the contract.
;; code: wrong-contract-version
(component
  (component $c)
  (instance $i (instantiate $c))
  (export "kaphost:policy/metadata" (instance $i))
  (export "kaphost:policy/validating" (instance $i))
)
