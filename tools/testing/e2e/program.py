# SPDX-License-Identifier: GPL-2.0
"""What programs have in common that move a guest, but are no tests."""

import argparse
import os
import sys

from channel import Failure, Silent
from machine import Settings
from session import Session


def parser():
    """The options that all of them have."""
    options = argparse.ArgumentParser()
    options.add_argument("--results", required=True)
    options.add_argument("--kernel", required=True)
    options.add_argument("--initrd", required=True)
    options.add_argument("--region-qemu")
    return options


def attempt(session, work, tries):
    """Calls `work` with a session until it ends, at most so many times.

    Where a guest gives no sign of life it is begun anew, with a word about it:
    the emulation of the VM may have lost an interrupt.
    """
    while True:
        tries -= 1
        try:
            work(session)
            return
        except Silent as failure:
            if not tries:
                raise
            print(f"\n{failure}\n\n== A guest stood still: once more, from "
                  "the beginning", flush=True)
            session.end(force=True)


def run(arguments, seed, work, tries=1):
    """Does the `work`; the exit status, 0 only if all went well."""
    os.makedirs(arguments.results, exist_ok=True)
    settings = Settings(arguments.kernel, arguments.initrd, arguments.results,
                        region_qemu=arguments.region_qemu)
    session = Session(settings, seed)
    try:
        attempt(session, work, tries)
    except (Failure, OSError) as failure:
        name = os.path.basename(sys.argv[0]).removesuffix(".py")
        print(f"{name}: {failure}", file=sys.stderr)
        session.end(force=True)
        return 1
    return 0
