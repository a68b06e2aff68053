"""The control API: how tests read the log, set faults and scenarios, and start anew.

All under `/_kaphost/`, JSON in and out, `?account=` names the account (12 digits; the default one when left out).

| call | does |
|---|---|
| GET `health` | the behaviours that are corrected, the process id |
| GET, DELETE `calls` | the log of calls since it was last cleared; clears it |
| GET, POST, DELETE `faults` | the rules with their counts; adds one (faults.py); removes all, and the latency, and lets go of a hold |
| POST `latency` `{"ms": 40}` | added to each call, before its work; with `"rounds": true` until for so long no other call has arrived |
| GET `held?wait_ms=5000` | waits for a hold; the number of the held call, or null |
| POST `release` `{"discard": true}` | ends a hold; with discard, waiting calls are dropped unanswered and undone |
| GET, POST `scenario` | what AWS does by itself (account.Scenario); sets the fields given |
| GET `seed?region=us-east-1` | the ids of what is there from the start |
| POST `reset` | the account as new: state, log, faults, latency, scenario |
"""

import json
import os
import traceback
from dataclasses import asdict
from urllib.parse import parse_qsl

import seed
import wire
from account import ACCOUNTS, DEFAULT_ACCOUNT
from faults import Rule
from moto.core.base_backend import BackendDict

PREFIX = "/_kaphost/"
JSON = [("Content-Type", "application/json")]


def answer(application: object, environ: dict, body: bytes) -> wire.Answer:
    query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    name = environ["PATH_INFO"].removeprefix(PREFIX)
    route = ROUTES.get((environ["REQUEST_METHOD"], name))
    if route is None:
        known = ", ".join(f"{method} {path}" for method, path in ROUTES)
        return reply(404, {"error": f"the control API has no {environ['REQUEST_METHOD']} {name}: it has {known}"})
    try:
        data = json.loads(body) if body else {}
        account = ACCOUNTS.get(query.pop("account", DEFAULT_ACCOUNT))
        return reply(200, route(application, account, data, query))
    except (ValueError, TypeError, KeyError) as wrong:
        return reply(400, {"error": f"{type(wrong).__name__}: {wrong}", "at": traceback.format_exc(limit=-1)})


def reply(status: int, data: object) -> wire.Answer:
    return status, JSON, json.dumps(data, default=str).encode()


def health(application, account, data, query):
    return {"pid": os.getpid(), "behaviours": application.behaviours}


def clear_calls(application, account, data, query):
    account.log.clear()
    return {}


def add_fault(application, account, data, query):
    account.faults.add(Rule.parse(data))
    return {}


def clear_faults(application, account, data, query):
    account.faults.clear()
    return {}


def set_latency(application, account, data, query):
    milliseconds = data["ms"]
    if not isinstance(milliseconds, int) or not 0 <= milliseconds <= 60_000:
        raise ValueError(f"ms is {milliseconds!r}: it is a whole number from 0 to 60000")
    account.faults.latency_ms, account.faults.in_rounds = milliseconds, bool(data.get("rounds", False))
    return {}


def held(application, account, data, query):
    return {"sequence": account.faults.gate.wait_until_held(int(query.get("wait_ms", "0")) / 1000)}


def release(application, account, data, query):
    account.faults.gate.release(discard=bool(data.get("discard", False)))
    return {}


def set_scenario(application, account, data, query):
    account.scenario.set(data)
    return account.scenario.as_dict()


def show_seed(application, account, data, query):
    with application.lock:
        return seed.ensure(account, query.get("region", "us-east-1"))


def reset(application, account, data, query):
    account.faults.clear()
    with application.lock:
        for backends in list(BackendDict._instances):
            backends.pop(account.id, None)
        ACCOUNTS.forget(account.id)
    return {}


ROUTES = {
    ("GET", "health"): health,
    ("GET", "calls"): lambda application, account, data, query: {"calls": account.log.snapshot()},
    ("DELETE", "calls"): clear_calls,
    ("GET", "faults"): lambda application, account, data, query: {
        "latency_ms": account.faults.latency_ms,
        "rules": [asdict(rule) for rule in account.faults.rules],
    },
    ("POST", "faults"): add_fault,
    ("DELETE", "faults"): clear_faults,
    ("POST", "latency"): set_latency,
    ("GET", "held"): held,
    ("POST", "release"): release,
    ("GET", "scenario"): lambda application, account, data, query: account.scenario.as_dict(),
    ("POST", "scenario"): set_scenario,
    ("GET", "seed"): show_seed,
    ("POST", "reset"): reset,
}
