"""An AWS client that owes nothing to kaphost: boto3, one call a line.

Reads JSON lines `{"endpoint", "key", "region", "service", "operation", "arguments"}`, operations and arguments by boto3's names.
Answers each with a line: `{"ok": ...}` as boto3 gives it, all pages of it, or `{"error": {"code", "message"}}` as AWS says it.
Ends with its input.
"""

import functools
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# No retries: what is asked here is asked of an API on loopback, and a fault that a test has set must not be hidden.
CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 1})
SESSION = boto3.Session()


@functools.cache
def client(endpoint: str, key: str, region: str, service: str) -> object:
    return SESSION.client(
        service, region_name=region, endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key="emulator", config=CONFIG
    )


def answer(line: str) -> dict:
    asked = json.loads(line)
    try:
        one = client(asked["endpoint"], asked["key"], asked["region"], asked["service"])
        operation = asked["operation"]
        if one.can_paginate(operation):
            result = one.get_paginator(operation).paginate(**asked["arguments"]).build_full_result()
        else:
            result = getattr(one, operation)(**asked["arguments"])
        result.pop("ResponseMetadata", None)
        return {"ok": result}
    except ClientError as refusal:
        return {"error": {"code": refusal.response["Error"]["Code"], "message": refusal.response["Error"]["Message"]}}
    except (BotoCoreError, AttributeError, TypeError, KeyError) as wrong:
        return {"error": {"code": type(wrong).__name__, "message": str(wrong)}}


for line in sys.stdin:
    print(json.dumps(answer(line), default=str), flush=True)
