# The rules of guest-policies/org, as it is without settings.
package kaphost.org

import rego.v1

broken contains "dedicated-tenancy" if input.tenancy != "dedicated"

broken contains "encrypted-volumes" if not input["root-volume"].encrypted

broken contains "encrypted-volumes" if {
	some _, volume in input.volume
	not volume.encrypted
}

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

required := {"Owner", "CostCenter"}

carried contains key if {
	some key, tag in input.tag
	tag.value != ""
}

broken contains "required-tags" if count(required - carried) > 0

# Undefined for a security group, which is no range.
prefix(source) := to_number(split(source, "/")[1])

shortest(source) := 32 if contains(source, ":")

shortest(source) := 8 if not contains(source, ":")
