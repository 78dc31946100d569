"""``python -m secrets_manager`` and the console script ``secrets-manager``."""

from __future__ import annotations

import gc
import os
import sys

from secrets_manager.daemon.dumpable import try_to_forbid_attaching

# Before anything that takes time: from here on no process of the same user reads its environment.
try_to_forbid_attaching()

from secrets_manager.daemon.std_streams import hold_closed_descriptors  # noqa: E402 - as early as it can be

# Before a file or a socket is opened for longer.
hold_closed_descriptors()
# New objects between two runs of the collector. Modules loaded below stay, and few later objects are in a
# cycle: with Python's own 700 the collector takes a twentieth of a cold start.
gc.set_threshold(10_000, 10, 10)

from secrets_manager import commands  # noqa: E402 - loading is what the line above makes cheaper
from secrets_manager.daemon.process import end, working_folder  # noqa: E402 - as above


def main() -> None:
    """Run with the process's own arguments and environment, and end it."""
    argv = sys.argv[1:]
    if commands.is_command(argv, os.environ):
        end(commands.run(argv, os.environ, working_folder()))
    if mistyped := commands.mistyped(argv):
        end(commands.refuse(mistyped))
    from secrets_manager.daemon import cli  # noqa: PLC0415 - commands need not wait for all of the daemon
    from secrets_manager.daemon.hardening import harden  # noqa: PLC0415 - as above

    end(cli.main(argv, os.environ, harden=harden))


def kubectl_plugin() -> None:
    """``kubectl secrets-manager ...``: a command, never the daemon."""
    argv = sys.argv[1:] or ["--help"]
    end(commands.run(argv, os.environ, working_folder(), commands.KUBECTL_PLUGIN))


def kubectl_completion() -> None:
    """What kubectl asks for the completion of ``kubectl secrets-manager ...``."""
    from secrets_manager.commands.completion import complete_for_kubectl  # noqa: PLC0415 - as above

    end(complete_for_kubectl(sys.argv[1:], os.environ, working_folder()))


if __name__ == "__main__":
    main()
