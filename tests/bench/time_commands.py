"""Times whole commands, taking turns, so that a noisy machine is noisy for all of them alike.

Reads JSON from standard input: {"rounds": N, "commands": [{"name", "argv", "env", "cwd", "expect", "without",
"processors"}]}. What `without` names, if anything, is removed before each run: a cache that is to be cold. `processors`, if anything, is how many the
command may run on.
Writes JSON: {name: {"median_ms", "best_ms", "max_rss_kib"}}. A command that ends with another code than expected ends the run.
"""

import json
import os
import shutil
import statistics
import sys
import time


def once(command):
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    os.chdir(command["cwd"])
    if command.get("without"):
        shutil.rmtree(command["without"], ignore_errors=True)
    processors = sorted(os.sched_getaffinity(0))
    # A process has what the one that starts it has.
    os.sched_setaffinity(0, processors[: command.get("processors")])
    began = time.perf_counter()
    pid = os.posix_spawn(command["argv"][0], command["argv"], command["env"], file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    took = time.perf_counter() - began
    os.close(null)
    os.sched_setaffinity(0, processors)
    code = os.waitstatus_to_exitcode(status)
    if code != command["expect"]:
        sys.exit(f"{command['name']} ended with {code}, not with {command['expect']}: {' '.join(command['argv'])}")
    return took * 1000, usage.ru_maxrss


def main():
    job = json.load(sys.stdin)
    taken = {command["name"]: [] for command in job["commands"]}
    for command in job["commands"]:
        once(command)  # warms page cache and module cache
    for _ in range(job["rounds"]):
        for command in job["commands"]:
            taken[command["name"]].append(once(command))
    result = {}
    for name, runs in taken.items():
        times = [took for took, _ in runs]
        result[name] = {
            "median_ms": statistics.median(times),
            "best_ms": min(times),
            "max_rss_kib": max(rss for _, rss in runs),
        }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
