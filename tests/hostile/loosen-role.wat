;; Makes the server's role an administrator.
;; code: loosens
(func $mutate (param $cluster i32) (result i32)
  (local $list i32)
  (local.set $list (call $alloc (i32.const 8)))
  (call $put (local.get $list) (@text "arn:aws:iam::aws:policy/AdministratorAccess"))
  (call $put (i32.add (local.get $cluster) (i32.const (@offset cluster.iam iam.managed-policies))) (local.get $list) (i32.const 1))
  (call $amend (local.get $cluster) (@text "r") (@text "iam") (@text "So that nothing is missing.")))
