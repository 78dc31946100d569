"""`python -m demo` shows the daemon on real servers until Ctrl-C; `python -m demo once` ends by itself.

Everything it makes is in a temporary folder and on loopback, and is gone at the end.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from demo.daemon import FLAGS, Daemon
from demo.screen import Screen, log_line
from demo.servers import get_servers
from demo.stage import INSTALLED, CommandError, Stage, account, await_definitions, running_stage, seed
from demo.story import NAMESPACE, Story, show_seeding
from secrets_manager import __version__
from tests.testbed.binaries import AssetsError
from tests.testbed.go_build import GoBuildError
from tests.testbed.processes import StartError
from tests.testbed.vault_program import VaultProgramError, vault_program

_USAGE = "usage: scripts/demo [once]     (make demo, make demo DEMO=once)"
_LOOK_SECONDS = 0.3
_INTERRUPTED = 130
_RIGHTS = ("config/manager/namespace.yaml", "config/manager/service-account.yaml")


def main(arguments: Sequence[str]) -> int:
    """Run the demo; returns the exit code."""
    if list(arguments) not in ([], ["once"]):
        print(_USAGE, file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    screen = Screen(sys.stdout)
    screen.line(
        f"secrets-manager {__version__}: real servers on loopback, made-up values, no trace afterwards"
    )
    try:
        with tempfile.TemporaryDirectory(prefix="secrets-manager-demo-") as folder:
            return show(Path(folder), screen, get_servers(), stay=not arguments)
    except KeyboardInterrupt:
        screen.line("\ndemo: interrupted; everything is stopped and removed")
        return _INTERRUPTED
    except (AssertionError, AssetsError, CommandError, GoBuildError, StartError, VaultProgramError) as error:
        print(f"\ndemo: failed: {error}", file=sys.stderr)
        return 1


def show(folder: Path, screen: Screen, kubectl: Path, *, stay: bool) -> int:
    """The whole demo in ``folder``; returns the exit code."""
    screen.step(f"etcd, kube-apiserver and {vault_program()} start")
    started = time.monotonic()
    with running_stage(folder, kubectl) as stage:
        shell = stage.lay_tools()
        screen.say(f"ready after {time.monotonic() - started:.1f} s")
        _show_addresses(stage, screen)
        with _daemon(stage, screen) as daemon:
            try:
                Story(stage, daemon, screen).run()
            except AssertionError as error:
                raise AssertionError(f"{error}\n{daemon.last_words()}") from None
            code = _play(daemon, screen, shell) if stay else 0
        screen.step("The end: the daemon and the servers are stopped, their files removed")
        return code


def _daemon(stage: Stage, screen: Screen) -> Daemon:
    screen.step("Kubernetes learns of SecretDefinitions, and the daemon gets an account")
    for words in (
        ("-k", "config/crd"),
        *(("-f", file) for file in _RIGHTS),
        ("-k", "config/rbac/cluster-wide"),
    ):
        screen.command("kubectl", "apply", *words)
        screen.say(stage.run("kubectl", "apply", *words))
    await_definitions(stage)
    screen.step(f"{vault_program().product} gets the samples' values, and an AppRole for the daemon")
    role = seed(stage)
    show_seeding(screen)
    screen.step("The daemon starts")
    screen.command("secrets-manager", *FLAGS)
    screen.say(
        f"as service account {INSTALLED}/{INSTALLED}; the settings are the defaults, and in its environment"
    )
    screen.say("are KUBECONFIG, VAULT_ADDR, VAULT_ROLE_ID and VAULT_SECRET_ID")
    return Daemon(
        stage.folder / "daemon.log",
        {
            "KUBECONFIG": str(account(stage)),
            "VAULT_ADDR": stage.bed.openbao.url,
            "VAULT_ROLE_ID": role.role_id,
            "VAULT_SECRET_ID": role.secret_id,
        },
    )


def _show_addresses(stage: Stage, screen: Screen) -> None:
    screen.say(f"Kubernetes at {stage.bed.cluster.url}")
    screen.table([(f"{name}={value}",) for name, value in stage.environment.items()])


def _play(daemon: Daemon, screen: Screen, shell: Path) -> int:
    """Show what the daemon does until Ctrl-C, or until it ends by itself, which it should not."""
    screen.step("Play with it from another terminal")
    screen.say(
        f"""\
source {shell}     # KUBECONFIG, VAULT_ADDR, VAULT_TOKEN, and kubectl and bao in PATH

kubectl get secretdefinitions,secrets -n {NAMESPACE}
bao kv put -mount=secret shop/mail api_key=mine
kubectl get secret third-parties -n {NAMESPACE} -o jsonpath='{{.data.mail-api-key}}' | base64 -d
kubectl describe secretdefinition legacy-settings -n {NAMESPACE}
curl -s {daemon.url}/metrics | grep ^secrets_manager

What the daemon does is shown here. Ctrl-C ends the demo.
"""
    )
    try:
        while daemon.running:
            for line in daemon.new_lines():
                screen.say(f"daemon | {log_line(line)}")
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt:
        screen.line("")
        return 0
    print(f"\ndemo: the daemon ended by itself\n{daemon.last_words()}", file=sys.stderr)
    return 1


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Leave every with block; a second signal must not cut that short."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
