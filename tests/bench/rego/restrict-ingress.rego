# The rules of guest-policies/restrict-ingress, as it is without settings.
package kaphost.restrict_ingress

import rego.v1

broken contains finding if {
	some node in ["ssh", "http"]
	some source, _ in input[node].allow
	prefix(source) == 0
	finding := {
		"rule": "no-world-ingress",
		"path": sprintf("%s.allow[\"%s\"]", [node, source]),
		"message": sprintf("port %d is open to the whole world: %s", [input[node].port, source]),
		"help": "name the networks that need it, or a security group",
	}
}

broken contains finding if {
	some node in ["ssh", "http"]
	some source, _ in input[node].allow
	bits := prefix(source)
	bits > 0
	bits < shortest(source)
	finding := {
		"rule": "ingress-range-too-wide",
		"path": sprintf("%s.allow[\"%s\"]", [node, source]),
		"message": sprintf("port %d is open to %s, which is wider than /%d%s", [input[node].port, source, shortest(source), family(source)]),
		"help": "name the networks that need it, or a security group",
	}
}

# Undefined for a security group, which is no range.
prefix(source) := to_number(split(source, "/")[1])

shortest(source) := 32 if contains(source, ":")

shortest(source) := 8 if not contains(source, ":")

family(source) := " in IPv6" if contains(source, ":")

family(source) := "" if not contains(source, ":")
