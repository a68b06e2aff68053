# The rules of guest-policies/restrict-egress, as it is without settings.
package kaphost.restrict_egress

import rego.v1

broken contains "no-world-egress" if {
	some cidr, _ in input.egress
	prefix(cidr) == 0
}

broken contains "egress-range-too-wide" if {
	some cidr, _ in input.egress
	bits := prefix(cidr)
	bits > 0
	bits < shortest(cidr)
}

prefix(cidr) := to_number(split(cidr, "/")[1])

shortest(cidr) := 32 if contains(cidr, ":")

shortest(cidr) := 8 if not contains(cidr, ":")
