# The rules of guest-policies/encrypted-volumes, as it is without settings.
package kaphost.encrypted_volumes

import rego.v1

broken contains plain("root-volume.encrypted") if not input["root-volume"].encrypted

broken contains plain(sprintf("volume[\"%s\"].encrypted", [device])) if {
	some device, volume in input.volume
	not volume.encrypted
}

plain(path) := {
	"rule": "encrypted-volumes",
	"path": path,
	"message": "every volume is encrypted at rest",
	"value": true,
}
