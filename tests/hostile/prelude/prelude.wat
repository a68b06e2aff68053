(; What every fragment may call. Strings are handed over as address and length, as `(@text "…")` gives them.
   A cluster is the address that `$validate` and `$mutate` are given. ;)

(import "kaphost:policy/logging@0.1.0" "log" (func $log (param $level i32) (param $text i32) (param $length i32)))

(global $next (mut i32) (i32.const 65536))

(; Room for so many bytes, aligned to 8. ;)
(func $alloc (param $size i32) (result i32)
  (local $at i32)
  (local.set $at (global.get $next))
  (global.set $next (i32.and (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 7)) (i32.const -8)))
  (loop $more
    (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
      (then
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable)))
        (br $more))))
  (local.get $at))

(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (local $at i32)
  (local.set $at (call $alloc (local.get 3)))
  (memory.copy (local.get $at) (local.get 0) (local.get 1))
  (local.get $at))

(; Puts a string, or a list, into a record. ;)
(func $put (param $at i32) (param $text i32) (param $length i32)
  (i32.store (local.get $at) (local.get $text))
  (i32.store offset=4 (local.get $at) (local.get $length)))

(; A description with one rule of high severity. ;)
(func $described
  (param $name i32) (param $name-length i32) (param $version i32) (param $version-length i32)
  (param $summary i32) (param $summary-length i32) (param $rule i32) (param $rule-length i32)
  (param $holds i32) (param $holds-length i32) (result i32)
  (local $at i32) (local $rules i32)
  (local.set $rules (call $alloc (i32.const (@offset rule.*))))
  (call $put (i32.add (local.get $rules) (i32.const (@offset rule.id))) (local.get $rule) (local.get $rule-length))
  (i32.store8 offset=(@offset rule.severity) (local.get $rules) (i32.const 2))
  (call $put (i32.add (local.get $rules) (i32.const (@offset rule.summary))) (local.get $holds) (local.get $holds-length))
  (local.set $at (call $alloc (i32.const (@offset description.*))))
  (call $put (i32.add (local.get $at) (i32.const (@offset description.name))) (local.get $name) (local.get $name-length))
  (call $put (i32.add (local.get $at) (i32.const (@offset description.version))) (local.get $version) (local.get $version-length))
  (call $put (i32.add (local.get $at) (i32.const (@offset description.summary))) (local.get $summary) (local.get $summary-length))
  (call $put (i32.add (local.get $at) (i32.const (@offset description.rules))) (local.get $rules) (i32.const 1))
  (local.get $at))

(; No violation. ;)
(func $pass (result i32)
  (call $alloc (i32.const 8)))

(; One violation without help. ;)
(func $violate
  (param $rule i32) (param $rule-length i32) (param $path i32) (param $path-length i32)
  (param $message i32) (param $message-length i32) (result i32)
  (local $at i32) (local $list i32)
  (local.set $list (call $alloc (i32.const (@offset violation.*))))
  (call $put (i32.add (local.get $list) (i32.const (@offset violation.rule))) (local.get $rule) (local.get $rule-length))
  (call $put (i32.add (local.get $list) (i32.const (@offset violation.path))) (local.get $path) (local.get $path-length))
  (call $put (i32.add (local.get $list) (i32.const (@offset violation.message))) (local.get $message) (local.get $message-length))
  (local.set $at (call $pass))
  (call $put (local.get $at) (local.get $list) (i32.const 1))
  (local.get $at))

(; A mutator's answer: the cluster as it is in memory by now, without a reason for anything. ;)
(func $keep (param $cluster i32) (result i32)
  (local $at i32)
  (local.set $at (call $alloc (i32.const (@offset 4 amended.*))))
  (memory.copy (i32.add (local.get $at) (i32.const 4)) (local.get $cluster) (i32.const (@offset cluster.*)))
  (local.get $at))

(; The same with one reason. ;)
(func $amend
  (param $cluster i32) (param $rule i32) (param $rule-length i32) (param $path i32) (param $path-length i32)
  (param $reason i32) (param $reason-length i32) (result i32)
  (local $at i32) (local $list i32)
  (local.set $list (call $alloc (i32.const (@offset change.*))))
  (call $put (i32.add (local.get $list) (i32.const (@offset change.rule))) (local.get $rule) (local.get $rule-length))
  (call $put (i32.add (local.get $list) (i32.const (@offset change.path))) (local.get $path) (local.get $path-length))
  (call $put (i32.add (local.get $list) (i32.const (@offset change.reason))) (local.get $reason) (local.get $reason-length))
  (local.set $at (call $keep (local.get $cluster)))
  (call $put (i32.add (local.get $at) (i32.const (@offset 4 amended.changes))) (local.get $list) (i32.const 1))
  (local.get $at))
