;; Wants everything at once: every import is named.
;; code: foreign-import
(component
  (import "wasi:filesystem/types@0.2.0" (instance))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance))
  (import "wasi:random/random@0.2.0" (instance))
  (import "wasi:cli/environment@0.2.0" (instance))
  (import "wasi:sockets/tcp@0.2.0" (instance))
  (import "wasi:http/outgoing-handler@0.2.0" (instance))
  (import "acme:tools/shell@1.0.0" (instance))
)
