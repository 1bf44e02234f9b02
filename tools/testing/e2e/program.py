# SPDX-License-Identifier: GPL-2.0
"""What programs have in common that move a guest, but are no tests."""

import argparse
import os
import sys

from channel import Failure
from machine import Settings
from session import Session


def parser():
    """The options that all of them have."""
    options = argparse.ArgumentParser()
    options.add_argument("--results", required=True)
    options.add_argument("--kernel", required=True)
    options.add_argument("--initrd", required=True)
    return options


def run(arguments, seed, work):
    """Calls `work` with a session; the exit status, 0 only if all went well."""
    os.makedirs(arguments.results, exist_ok=True)
    settings = Settings(arguments.kernel, arguments.initrd, arguments.results,
                        False)
    session = Session(settings, seed)
    try:
        work(session)
    except (Failure, OSError) as failure:
        name = os.path.basename(sys.argv[0]).removesuffix(".py")
        print(f"{name}: {failure}", file=sys.stderr)
        session.end(force=True)
        return 1
    return 0
