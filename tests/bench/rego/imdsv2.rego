# The rules of guest-policies/imdsv2, as it is without settings.
package kaphost.imdsv2

import rego.v1

broken contains finding if {
	input.metadata.enabled
	input.metadata.tokens != "required"
	finding := {
		"rule": "imdsv2",
		"path": "metadata.tokens",
		"message": "without session tokens a forged request can read the role's credentials",
		"value": "required",
	}
}

broken contains finding if {
	input.metadata.enabled
	input.metadata["hop-limit"] > 1
	finding := {
		"rule": "imds-hop-limit",
		"path": "metadata.hop-limit",
		"message": "answers of the metadata service travel at most 1 hop",
		"value": 1,
	}
}
