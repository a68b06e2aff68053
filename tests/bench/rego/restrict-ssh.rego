# The rules of guest-policies/restrict-ssh, as it is without settings.
package kaphost.restrict_ssh

import rego.v1

broken contains finding if {
	some source, _ in input.ssh.allow
	prefix(source) == 0
	finding := {
		"rule": "no-world-ssh",
		"path": sprintf("ssh.allow[\"%s\"]", [source]),
		"message": sprintf("SSH is open to the whole world: %s", [source]),
		"help": "name the networks that need it, such as your office's or VPN's, or the security group of a bastion",
	}
}

broken contains finding if {
	some source, _ in input.ssh.allow
	bits := prefix(source)
	bits > 0
	bits < shortest(source)
	finding := {
		"rule": "ssh-range-too-wide",
		"path": sprintf("ssh.allow[\"%s\"]", [source]),
		"message": sprintf("SSH is open to %s, which is wider than /%d%s", [source, shortest(source), family(source)]),
		"help": sprintf("name the networks that need it, each /%d or narrower, or a security group", [shortest(source)]),
	}
}

# Undefined for a security group, which is no range.
prefix(source) := to_number(split(source, "/")[1])

shortest(source) := 32 if contains(source, ":")

shortest(source) := 8 if not contains(source, ":")

family(source) := " in IPv6" if contains(source, ":")

family(source) := "" if not contains(source, ":")
