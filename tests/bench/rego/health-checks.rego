# The rules of guest-policies/health-checks, as it is without settings.
package kaphost.health_checks

import rego.v1

broken contains "elb-health-check" if input.scaling["health-check"] != "elb"

broken contains "grace-period-too-long" if input.scaling["health-check-grace-period"] > 3600
