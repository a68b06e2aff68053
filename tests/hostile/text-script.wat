;; A shell script with the name of a policy.
;; code: not-wasm
;; file: text
#!/bin/sh
echo all is well
