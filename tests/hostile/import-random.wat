;; Wants random numbers.
;; code: foreign-import
(component (import "wasi:random/random@0.2.0" (instance)))
