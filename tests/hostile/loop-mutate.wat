;; `mutate` never comes back.
;; code: out-of-fuel
(func $mutate (param $cluster i32) (result i32)
  (loop $again (br $again))
  (unreachable))
