# The rule of guest-policies/no-public-ip.
package kaphost.no_public_ip

import rego.v1

broken contains finding if {
	input.network["public-ip"]
	finding := {
		"rule": "no-public-ip",
		"path": "network.public-ip",
		"message": "servers are reached from inside of the network only",
		"value": false,
	}
}
