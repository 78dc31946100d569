"""`python -m tests.testbed build` gets the servers' programs; `up` runs the servers until Ctrl-C.

For people who want to play, and for the Makefile; it only prints and waits.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
from pathlib import Path

from tests.testbed.bed import Bed, running_bed
from tests.testbed.module_programs import every_program
from tests.testbed.vault_program import VaultProgramError, vault_program


def main() -> None:
    """Run the command of the first argument."""
    parser = argparse.ArgumentParser(prog="python -m tests.testbed", description=__doc__)
    parser.add_argument("command", choices=["build", "up"])
    command = {"build": build, "up": up}[parser.parse_args().command]
    try:
        vault_program()  # before a build of minutes
        command()
    except VaultProgramError as error:
        sys.exit(f"testbed: {error}")


def build() -> None:
    """Find or build every program."""
    found = every_program()
    print(f"testbed: programs ready in {', '.join(sorted({str(path.parent) for path in found}))}")
    print(f"testbed: the backend's server is {vault_program()} at {vault_program().path}")


def up() -> None:
    """Run the servers until SIGINT or SIGTERM; print what a shell needs to reach them."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with (
        tempfile.TemporaryDirectory(prefix="secrets-manager-testbed-") as folder,
        running_bed(Path(folder)) as bed,
    ):
        print(environment(bed), flush=True)
        stopped.wait()


def environment(bed: Bed) -> str:
    """The lines that point kubectl and the vault or bao command at the servers."""
    values = {
        "KUBECONFIG": str(bed.cluster.kubeconfig),
        "VAULT_ADDR": bed.openbao.url,
        "VAULT_TOKEN": bed.openbao.root_token,
    }
    lines = [f"export {name}={value}" for name, value in values.items()]
    return "\n".join([f"# Kubernetes, and {bed.openbao.program} as the backend", *lines])


if __name__ == "__main__":
    main()
