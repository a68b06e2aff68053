"""An AWS API on loopback: moto, corrected, with a log of its calls, latency and faults.

Prints one line of JSON when it can be called, and stops when its standard input closes, so that it never outlives
whoever started it, however they ended. Usage: `python3 server.py`, with the parent holding standard input open.
"""

import json
import os
import sys
import threading

# Read by moto when it is imported. Each turns on a check that AWS makes.
os.environ.update(
    {
        "MOTO_ENABLE_AMI_VALIDATION": "true",
        "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "true",
        "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
        # seed.py registers the images: 1,300 would make every DescribeImages a scan and every account 150 ms slower.
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",
        # Nothing in this process may ever look for real credentials.
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": "emulator",
        "AWS_SECRET_ACCESS_KEY": "emulator",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
)

import http_edge  # noqa: E402  (the environment above must come first)
from app import Application  # noqa: E402


def stop_when_orphaned() -> None:
    """Ends the process at the end of standard input, which is when the parent closes it or dies."""
    try:
        while sys.stdin.buffer.read(4096):
            pass
    finally:
        os._exit(0)


def main() -> None:
    disabled = [name for name in os.environ.get("KAPHOST_EMULATOR_WITHOUT", "").split(",") if name]
    application = Application(without=disabled)
    server = http_edge.listen(application)
    threading.Thread(target=stop_when_orphaned, daemon=True).start()
    host, port = server.server_address[:2]
    print(json.dumps({"endpoint": f"http://{host}:{port}", "pid": os.getpid()}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
