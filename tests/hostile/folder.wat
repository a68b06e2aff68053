;; A folder with the name of a policy.
;; code: unreadable
;; file: folder
