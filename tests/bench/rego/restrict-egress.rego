# The rules of guest-policies/restrict-egress, as it is without settings.
package kaphost.restrict_egress

import rego.v1

broken contains finding if {
	some cidr, _ in input.egress
	prefix(cidr) == 0
	finding := {
		"rule": "no-world-egress",
		"path": sprintf("egress[\"%s\"]", [cidr]),
		"message": sprintf("the server may reach the whole world: %s", [cidr]),
		"help": "write an `egress` node that allows the networks that the server needs",
	}
}

broken contains finding if {
	some cidr, _ in input.egress
	bits := prefix(cidr)
	bits > 0
	bits < shortest(cidr)
	finding := {
		"rule": "egress-range-too-wide",
		"path": sprintf("egress[\"%s\"]", [cidr]),
		"message": sprintf("the server may reach %s, which is wider than /%d%s", [cidr, shortest(cidr), family(cidr)]),
		"help": "write an `egress` node that allows the networks that the server needs",
	}
}

prefix(cidr) := to_number(split(cidr, "/")[1])

shortest(cidr) := 32 if contains(cidr, ":")

shortest(cidr) := 8 if not contains(cidr, ":")

family(cidr) := " in IPv6" if contains(cidr, ":")

family(cidr) := "" if not contains(cidr, ":")
