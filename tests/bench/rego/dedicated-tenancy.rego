# The rule of guest-policies/dedicated-tenancy.
package kaphost.dedicated_tenancy

import rego.v1

broken contains finding if {
	input.tenancy != "dedicated"
	finding := {
		"rule": "dedicated-tenancy",
		"path": "tenancy",
		"message": "servers run on hardware that no other account shares",
		"value": "dedicated",
	}
}
