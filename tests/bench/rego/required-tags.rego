# The rules of guest-policies/required-tags, as it is without settings.
package kaphost.required_tags

import rego.v1

required := {"Owner", "CostCenter"}

carried contains key if {
	some key, tag in input.tag
	tag.value != ""
}

broken contains finding if {
	some key in required - carried
	finding := {
		"rule": "required-tags",
		"path": sprintf("tag[\"%s\"]", [key]),
		"message": sprintf("the tag \"%s\" is missing", [key]),
		"help": sprintf("add `tag \"%s\" \"…\"` to the cluster", [key]),
	}
}
