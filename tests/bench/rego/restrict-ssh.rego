# The rules of guest-policies/restrict-ssh, as it is without settings.
package kaphost.restrict_ssh

import rego.v1

broken contains "no-world-ssh" if {
	some source, _ in input.ssh.allow
	prefix(source) == 0
}

broken contains "ssh-range-too-wide" if {
	some source, _ in input.ssh.allow
	bits := prefix(source)
	bits > 0
	bits < shortest(source)
}

# Undefined for a security group, which is no range.
prefix(source) := to_number(split(source, "/")[1])

shortest(source) := 32 if contains(source, ":")

shortest(source) := 8 if not contains(source, ":")
