# The rules of guest-policies/restrict-ingress, as it is without settings.
package kaphost.restrict_ingress

import rego.v1

broken contains "no-world-ingress" if {
	some port in ["ssh", "http"]
	some source, _ in input[port].allow
	prefix(source) == 0
}

broken contains "ingress-range-too-wide" if {
	some port in ["ssh", "http"]
	some source, _ in input[port].allow
	bits := prefix(source)
	bits > 0
	bits < shortest(source)
}

# Undefined for a security group, which is no range.
prefix(source) := to_number(split(source, "/")[1])

shortest(source) := 32 if contains(source, ":")

shortest(source) := 8 if not contains(source, ":")
