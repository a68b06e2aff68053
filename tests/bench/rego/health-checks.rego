# The rules of guest-policies/health-checks, as it is without settings.
package kaphost.health_checks

import rego.v1

broken contains finding if {
	input.scaling["health-check"] != "elb"
	finding := {
		"rule": "elb-health-check",
		"path": "scaling.health-check",
		"message": "a server that runs and does not answer is never replaced: only EC2's own checks count",
		"help": "write `scaling { health-check \"elb\"; }`",
	}
}

broken contains finding if {
	grace := input.scaling["health-check-grace-period"]
	grace > 3600
	finding := {
		"rule": "grace-period-too-long",
		"path": "scaling.health-check-grace-period",
		"message": sprintf("a server goes unjudged for %d seconds after its launch, and may for 3600", [grace]),
		"help": "write `scaling { health-check-grace-period \"3600s\"; }` or less",
	}
}
