"""A daemon on fakes as a process of its own: ``python -m tests.unit.daemon.daemon_program healthy|hung``."""

from __future__ import annotations

import sys
import threading

from secrets_manager.daemon import cli
from secrets_manager.daemon.logs.setup import QueuedHandler, write_to_stderr
from secrets_manager.daemon.process import end
from tests.unit.daemon.daemon_world import World


def main(state: str) -> int:
    """Run until a signal; prints ``working`` once a read has begun that lasts until then, if it hangs."""
    world = World(backend_timeout=3600)
    if state == "hung":
        world.backend.hang()
    world.backend.put("db", {"password": "p"})
    world.define("db")

    # A path that hangs is left at its first try after a second; its second one has all its time.
    reads = 2 if state == "hung" else 1

    def tell() -> None:
        world.backend.wait_for_reads(reads, timeout=60)
        print("working", flush=True)  # noqa: T201 - the test waits for it

    threading.Thread(target=tell, daemon=True).start()
    return cli._serve(world.program(), QueuedHandler(write_to_stderr))


if __name__ == "__main__":
    end(main(sys.argv[1]))
