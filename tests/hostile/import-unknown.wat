;; Wants an interface that nobody knows.
;; code: foreign-import
(component (import "acme:tools/shell@1.0.0" (instance)))
