;; The module never gets through its start function.
;; code: out-of-fuel
(func $start (loop $again (br $again))
  (unreachable))
(start $start)
