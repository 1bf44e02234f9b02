#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Runs end-to-end tests, one after the other, and prints TAP: see run.sh.

A guest lives as long as all goes well: each case goes on with the one that the
case before left. After a case that failed the next one starts a guest anew.
"""

import argparse
import random
import sys
import time
import traceback

import cases
from channel import Failure
from machine import Settings
from session import Session


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--results", required=True)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--initrd", required=True)
    parser.add_argument("--iommufd", action="store_true")
    parser.add_argument("--region-qemu")
    parser.add_argument("--seed", type=int,
                        default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("case", nargs="+")
    return parser.parse_args()


def comment(text):
    for line in str(text).splitlines():
        print(f"# {line}")


def run(session, name, case):
    """One case; whether it was good."""
    started = time.monotonic()
    good = True
    session.plain()
    try:
        case(session)
        session.check()
    except (Failure, OSError) as failure:
        comment(failure)
        comment(traceback.format_exc(limit=-3))
        good = False
    if not good:
        try:
            session.end(force=True)
        except (Failure, OSError) as failure:
            comment(f"and then: {failure}")
    comment(f"{name} took {time.monotonic() - started:.1f} s")
    return good


def main():
    arguments = options()
    settings = Settings(arguments.kernel, arguments.initrd, arguments.results,
                        arguments.iommufd, arguments.region_qemu)
    chosen = cases.choose(arguments.case)
    session = Session(settings, arguments.seed)
    failed = 0
    print("TAP version 13")
    comment(f"seed {arguments.seed}")
    for number, (name, case) in enumerate(chosen, 1):
        good = run(session, name, case)
        failed += not good
        print(f"{'ok' if good else 'not ok'} {number} {name}", flush=True)
    good = True
    try:
        session.end()
    except (Failure, OSError) as failure:
        comment(failure)
        good = False
    failed += not good
    last = len(chosen) + 1
    print(f"{'ok' if good else 'not ok'} {last} the last guest ends")
    print(f"1..{last}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
