;; Wants the folders that a runtime hands out.
;; code: foreign-import
(component (import "wasi:filesystem/preopens@0.2.0" (instance)))
