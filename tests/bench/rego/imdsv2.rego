# The rules of guest-policies/imdsv2, as it is without settings.
package kaphost.imdsv2

import rego.v1

broken contains "imdsv2" if {
	input.metadata.enabled
	input.metadata.tokens != "required"
}

broken contains "imds-hop-limit" if {
	input.metadata.enabled
	input.metadata["hop-limit"] > 1
}
