# The rule of guest-policies/no-public-ip.
package kaphost.no_public_ip

import rego.v1

broken contains "no-public-ip" if input.network["public-ip"]
