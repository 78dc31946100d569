"""Every command that README and docs show is run, in its order, on servers of the page's own.

tests/docs/scenes.py lists the commands that cannot be run or are replaced, with the reason.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.following import follow, steady
from tests.docs.pages import page, pages
from tests.docs.scenes import NOT_RUN, RUN_OTHERWISE, RUNBOOKS, SCENES, TUTORIALS, Scene, scene
from tests.docs.shell import Shell, commands_of
from tests.integration.deployment_support import CRD
from tests.testbed.waiting import wait_until


def _shown() -> list[str]:
    return [
        command for shown in pages() for fence in shown.fences("sh") for command in commands_of(fence.text)
    ]


def test_every_page_with_commands_has_a_scene_to_run_them_in() -> None:
    with_commands = {shown.name for shown in pages() if shown.fences("sh")}
    assert with_commands == {*SCENES, *TUTORIALS, *RUNBOOKS}, "give the page a scene in tests/docs/scenes.py"


def test_every_block_has_a_known_language() -> None:
    known = {"sh", "yaml", "toml", "hcl", "json", "text", "promql", "python", "mermaid"}
    for shown in pages():
        for fence in shown.fences():
            assert fence.language in known, str(fence)


@pytest.mark.parametrize("beginning", [*NOT_RUN, *RUN_OTHERWISE])
def test_every_exception_is_needed_and_has_a_reason(beginning: str) -> None:
    reason = NOT_RUN.get(beginning) or RUN_OTHERWISE[beginning][1]

    assert any(command.startswith(beginning) for command in _shown())
    assert len(reason) > 10


@pytest.mark.servers
@pytest.mark.parametrize("name", SCENES)
def test_the_commands_of_the_page_work(name: str, tmp_path: Path) -> None:
    with scene(tmp_path, SCENES[name]) as here:
        follow(here, page(name).fences("sh", "text"))
        _check_end(name, here)


def _check_end(name: str, here: Scene) -> None:
    """Check what the reader of some pages should have at the end."""
    if name == "docs/status-page.md":
        address = f"http://127.0.0.1:{here.status_port}/status.json?namespace=shop"
        token = '-H "Authorization: Bearer $(cat token)"'
        wait_until(
            lambda: '"name":"app-settings"' in here.shell.run(f"curl -s {token} '{address}'"),
            60,
            "Ana's page",
        )
        assert "A token is needed" in here.shell.run(f"curl -s '{address}'")
        assert "Which namespaces?" in here.shell.run(f"curl -s {token} '{address.partition('?')[0]}'")
    if name == "README.md":
        # The last section changed the login; the daemon follows a value with it.
        here.openbao.write_kv2("shop/database", {"url": "changed", "password": "example"})
        wait_until(
            lambda: _value(here, "shop", "app-settings", "DATABASE_URL") == b"changed", 60, "the value"
        )
    if name == "docs/deploying.md":
        # The page removes everything at its end. The garbage collector removes the Secrets too, but it learns
        # of a new kind only within half a minute.
        assert not here.cluster.api.find(CRD)
    if name == "docs/moving-from-go.md":
        assert _value(here, "shop", "shop-tls", "tls.crt")


def _value(here: Scene, namespace: str, secret: str, key: str) -> bytes | None:
    return (here.cluster.api.secret_data(namespace, secret) or {}).get(key)


def test_outputs_are_compared_without_their_times_and_ages() -> None:
    assert steady("a 9s   b\n2026-11-30T07:06:05Z\n") == steady("a 12s  b\n2027-01-01T00:00:00Z")
    assert steady("a 9s   b") != steady("a 9s   c")


def test_commands_keep_their_continuation_lines_and_here_documents_together() -> None:
    block = "a \\\n  b\n\n# words\ncat <<'EOF' > f\nx \\\ny\nEOF\nc\n"

    assert commands_of(block) == ["a \\\n  b", "cat <<'EOF' > f\nx \\\ny\nEOF", "c"]


def test_a_block_starts_in_the_environment_and_the_folder_that_the_block_before_left(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    shell = Shell(tmp_path, {"PATH": "/usr/bin:/bin"}, tmp_path / "state")

    shell.run("export NAME='two words'; cd inner")

    assert shell.run('echo "$NAME" "${PWD##*/}"') == "two words inner\n"


def test_a_command_that_fails_ends_its_block(tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"PATH": "/usr/bin:/bin"}, tmp_path / "state")

    with pytest.raises(AssertionError, match="here it comes"):
        shell.run("echo here it comes\nfalse | cat\ntouch after")

    assert not (tmp_path / "after").exists()
