;; Holds components within one another, five thousand deep: at fifty thousand, looking at them would take 20 GiB.
;; code: too-complex
;; file: nested 5000
