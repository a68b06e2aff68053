;; Wants to send HTTP requests.
;; code: foreign-import
(component (import "wasi:http/outgoing-handler@0.2.0" (instance)))
