;; The first six bytes of a sound policy.
;; code: invalid-component
;; file: cut 0
