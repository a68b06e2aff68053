"""The HCL files that are named, as one JSON list."""

import json
import sys

import hcl2


def main():
    documents = []
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as file:
            documents.append(hcl2.load(file))
    print(json.dumps(documents))


main()
