;; A name without a file.
;; code: unreadable
;; file: missing
