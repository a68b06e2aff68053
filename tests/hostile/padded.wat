;; A sound policy and 70 MB of nothing.
;; code: too-large
;; file: padded 70
