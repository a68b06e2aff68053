;; The start function gives up.
;; code: trap
(func $start (unreachable))
(start $start)
