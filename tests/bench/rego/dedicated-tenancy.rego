# The rule of guest-policies/dedicated-tenancy.
package kaphost.dedicated_tenancy

import rego.v1

broken contains "dedicated-tenancy" if input.tenancy != "dedicated"
