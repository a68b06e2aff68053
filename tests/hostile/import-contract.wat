;; Wants an interface that looks like the contract's and is not.
;; code: foreign-import
(component (import "kaphost:policy/secrets@0.1.0" (instance)))
