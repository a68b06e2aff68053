;; Wants the environment, where credentials are.
;; code: foreign-import
(component (import "wasi:cli/environment@0.2.0" (instance)))
