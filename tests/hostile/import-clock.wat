;; Wants to know the time.
;; code: foreign-import
(component (import "wasi:clocks/wall-clock@0.2.3" (instance)))
