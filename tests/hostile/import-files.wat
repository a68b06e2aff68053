;; Wants to read files.
;; code: foreign-import
(component (import "wasi:filesystem/types@0.2.0" (instance)))
