# The rules of guest-policies/required-tags, as it is without settings.
package kaphost.required_tags

import rego.v1

required := {"Owner", "CostCenter"}

carried contains key if {
	some key, tag in input.tag
	tag.value != ""
}

broken contains "required-tags" if count(required - carried) > 0
