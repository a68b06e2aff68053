;; A sound policy of which one bit was turned.
;; code: invalid-component
;; file: flipped 8
