;; Wants a bare function.
;; code: foreign-import
(component (import "getenv" (func (param "name" string) (result string))))
