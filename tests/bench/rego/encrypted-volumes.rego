# The rules of guest-policies/encrypted-volumes, as it is without settings.
package kaphost.encrypted_volumes

import rego.v1

broken contains "encrypted-volumes" if not input["root-volume"].encrypted

broken contains "encrypted-volumes" if {
	some _, volume in input.volume
	not volume.encrypted
}
