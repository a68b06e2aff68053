"""YAML on standard input, JSON on standard output. The key `on` is a truth to YAML 1.1, and so it is here."""

import json
import sys

import yaml

json.dump(yaml.safe_load(sys.stdin), sys.stdout)
