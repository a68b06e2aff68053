"""Runs the checks: all of them with every correction on, then each correction's own with that one off.

A check that passes without its correction proves nothing, or moto has caught up: either way this run fails and says so.
moto is imported and warmed up once, without any correction; each set-up is a fork of this process with a server of its own.
"""

import importlib
import io
import json
import os
import pkgutil
import sys
import threading
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import server  # noqa: E402, F401  (sets the environment that moto reads)
import aws_behaviours  # noqa: E402
import case  # noqa: E402
import http_edge  # noqa: E402
from app import Application  # noqa: E402
from moto.core.utils import get_service_model  # noqa: E402


def checks() -> list[unittest.TestCase]:
    found = []
    for module in sorted(info.name for info in pkgutil.iter_modules([str(HERE)]) if info.name.startswith("check_")):
        for suite in unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(module)):
            found.extend(suite)
    return found


def proof_of(check: unittest.TestCase) -> str | None:
    return getattr(getattr(check, check._testMethodName), "proves", None)


def run(selected: list[unittest.TestCase], without: list[str]) -> tuple[list[str], str]:
    """Names of the checks that failed and what they said, from a server of their own."""
    application = Application(without=without)
    http = http_edge.listen(application)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    case.ENDPOINT = f"http://127.0.0.1:{http.server_address[1]}"
    said = io.StringIO()
    result = unittest.TextTestRunner(said, verbosity=0).run(unittest.TestSuite(selected))
    bad = [str(check.id()) for check, _ in result.failures + result.errors]
    return bad + [str(check.id()) for check in result.unexpectedSuccesses], said.getvalue()


def forked(selected: list[unittest.TestCase], without: list[str]) -> tuple[list[str], str]:
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        try:
            answer = run(selected, without)
        except BaseException as failure:  # noqa: BLE001  (told to the parent, which decides)
            answer = (["the server"], repr(failure))
        with os.fdopen(writable, "w") as pipe:
            json.dump(answer, pipe)
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return tuple(json.loads(text)) if text else (["the server"], "it died")


def main() -> int:
    for service in ("ec2", "iam", "autoscaling", "sts"):
        get_service_model(service)
        case.SESSION.client(service, region_name="us-east-1")
    aws_behaviours.load()
    Application(without=aws_behaviours.names())
    everything = checks()
    only = sys.argv[1:]
    if only:
        everything = [check for check in everything if any(word in check.id() or word == proof_of(check) for word in only)]
    bad = 0
    failed, said = forked(everything, [])
    print(f"{len(everything) - len(failed)} of {len(everything)} checks hold with every correction on")
    if failed:
        bad = 1
        print(said)
    proofs = {name: [check for check in everything if proof_of(check) == name] for name in aws_behaviours.names()}
    for name, selected in proofs.items():
        if not selected:
            if not only:
                bad = 1
                print(f"{name}: NO CHECK is for this correction")
            continue
        failed, said = forked(selected, [name])
        if failed == ["the server"]:
            bad = 1
            print(f"{name}: without it the server does not run: {said}")
        elif len(failed) == len(selected):
            print(f"{name}: {len(selected)} fail without it, as they must")
        else:
            bad = 1
            idle = sorted({check.id() for check in selected} - set(failed))
            print(f"{name}: WITHOUT IT these still hold, so they prove nothing or moto has caught up: {', '.join(idle)}")
    return bad


if __name__ == "__main__":
    sys.exit(main())
