;; Half of a sound policy, as a download leaves it that broke off.
;; code: invalid-component
;; file: cut 50
