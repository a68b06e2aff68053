;; A sound component that has nothing to do with policies.
;; code: wrong-world
(component)
