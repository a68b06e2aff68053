;; Nothing is wrong with this one: it shows that the others fail by what is wrong with them.
;; exit: 0
;; command: plan
