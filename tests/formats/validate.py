"""Holds documents to schemas: `[{"name", "schema", "document"}, ...]` on standard input, texts all of them.

A schema that begins with `<` is an XML Schema, any other a JSON Schema of the draft that it names. What is wrong is printed, a line each.
"""

import json
import sys

import jsonschema
from lxml import etree

MOST = 8


def of_xml(schema, document):
    found = etree.XMLSchema(etree.fromstring(schema.encode()))
    parsed = etree.fromstring(document.encode())
    if not found.validate(parsed):
        for error in list(found.error_log)[:MOST]:
            yield f"line {error.line}: {error.message}"


def of_json(schema, document):
    schema = json.loads(schema)
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    checked = validator(schema, format_checker=validator.FORMAT_CHECKER)
    errors = sorted(checked.iter_errors(json.loads(document)), key=lambda error: list(map(str, error.absolute_path)))
    for error in errors[:MOST]:
        # The branch of a choice that comes nearest says more than that none fits.
        nearest = jsonschema.exceptions.best_match([error])
        at = "/".join(map(str, nearest.absolute_path))
        yield f"/{at}: {nearest.message[:500]}"


def main():
    wrong = False
    for case in json.load(sys.stdin):
        against = of_xml if case["schema"].lstrip().startswith("<") else of_json
        for line in against(case["schema"], case["document"]):
            wrong = True
            print(f"{case['name']}: {line}")
    sys.exit(1 if wrong else 0)


main()
