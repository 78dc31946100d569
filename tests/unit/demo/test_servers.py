"""How the demo gets its servers: what is there first, then what others have built, then the compiler."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from demo import servers
from demo.servers import MIRROR, get_servers, kubectl_on_path
from tests.testbed import envtest
from tests.testbed.binaries import ASSETS, LEFT_OUT, cache_folder
from tests.testbed.cache import cache_root
from tests.testbed.vault_program import VAULT_BINARY
from tests.testbed.waiting import wait_until
from tests.unit.testbed.archive_server import PROGRAMS, packed, served

ROOT = Path(__file__).parents[3]
# A Go that is quick: it knows the calls of go_build.py, and counts its builds in a file.
_GO = """\
#!/bin/bash
case $1 in
  env) echo go1.99.0 ;;
  mod) ;;
  list) [ "$2" != -m ] || { echo "folder $(dirname "$0")/module"; exit; }
     printf 'go: downloading example.test/m v1\\npackage %s\\n' a b c ;;
  build)
    [ -z "$SLOW_GO" ] || { echo started >"$SLOW_GO"; sleep 60 & wait; }
    echo a; echo build >>"$(dirname "$0")/builds"
    while [ "$1" != -o ]; do shift; done
    target=$2
    shift 2
    for package; do
      name=$(basename "${package%/v3}")
      echo '#!/bin/sh' >"$target/$name"
      chmod +x "$target/$name"
    done ;;
esac
"""
_KUBECTL = "#!/bin/sh\n[ \"$*\" = 'version --client --output=json' ] && printf '%s' '{}'\n"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs in PATH, with a quick Go; a cache that is empty; no assets, and no archive."""
    folder = tmp_path / "tools"
    folder.mkdir()
    _program(folder / "go", _GO)
    for each in LEFT_OUT.values():
        (folder / "module" / each).parent.mkdir(parents=True)
        (folder / "module" / each).touch()
    for name in ("basename", "chmod", "dirname", "sleep"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(MIRROR, "no")
    monkeypatch.delenv(ASSETS, raising=False)
    return folder


def _program(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


def _kubectl(tools: Path, answer: str) -> Path:
    return _program(tools / "kubectl", _KUBECTL.replace("{}", answer))


def _version(major: str, minor: str) -> str:
    return json.dumps(
        {"clientVersion": {"major": major, "minor": minor, "gitVersion": "as the vendor likes"}}
    )


@pytest.mark.parametrize("minor", ["27", "32+", "36", "99"])
def test_a_kubectl_on_path_that_is_new_enough_is_used(tools: Path, minor: str) -> None:
    path = _kubectl(tools, _version("1", minor))

    assert kubectl_on_path() == path


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (_version("1", "26"), "is of version 1.26, older than 1.27"),
        (_version("1", ""), "does not say its version"),
        ("Client Version: v1.30.0", "does not say its version"),
        ("[1]", "does not say its version"),
        ('{"clientVersion": null}', "does not say its version"),
    ],
)
def test_a_kubectl_that_will_not_do_is_named_and_another_is_brought(
    tools: Path, capsys: pytest.CaptureFixture[str], answer: str, said: str
) -> None:
    path = _kubectl(tools, answer)

    assert get_servers() == cache_folder() / "kubectl"
    told = capsys.readouterr().err
    assert f"testbed: {path} {said}, so the demo brings its own kubectl\n" in told


def test_a_kubectl_that_does_not_end_is_not_waited_for(
    tools: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(servers, "_KUBECTL_SECONDS", 0.2)
    _program(tools / "kubectl", "#!/bin/sh\nexec sleep 60\n")

    assert kubectl_on_path() is None
    assert "does not say its version" in capsys.readouterr().err


def test_only_what_the_demo_needs_is_built_and_only_once(
    tools: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _kubectl(tools, _version("1", "36"))

    assert [get_servers(), get_servers()] == [path, path]

    assert sorted(each.name for each in cache_folder().iterdir()) == [".lock", "etcd", "kube-apiserver"]
    assert (tools / "builds").read_text(encoding="utf-8") == "build\n"
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith(
        "testbed: building etcd and kube-apiserver, once for this machine: 3 packages, "
    )
    assert told[1:] == ["testbed: built etcd and kube-apiserver in 1 s"]


def test_assets_of_the_user_are_used_and_nothing_is_fetched_or_built(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tools / "go").unlink()
    assets = tmp_path / "assets"
    assets.mkdir()
    for name, content in PROGRAMS.items():
        _program(assets / name, content.decode())
    monkeypatch.setenv(ASSETS, str(assets))
    monkeypatch.setenv(MIRROR, "http://127.0.0.1:1/x")

    assert get_servers() == assets / "kubectl"
    assert not cache_root().exists()


def _pin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Make this content the one whose checksum is known."""
    known = hashlib.sha512(content).hexdigest()
    monkeypatch.setattr(envtest, "_SHA512", dict.fromkeys(("linux-amd64", "linux-arm64"), known))


def test_what_others_have_built_is_fetched_once_and_found_by_all_that_the_demo_starts(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = packed()
    _pin(monkeypatch, content)
    with served(content) as url:
        monkeypatch.setenv(MIRROR, url)
        first = get_servers()
    monkeypatch.delenv(ASSETS)  # as in the next run, without a network

    assert get_servers() == first == Path(os.environ[ASSETS]) / "kubectl"
    assert first.read_bytes() == PROGRAMS["kubectl"]
    assert not (tools / "builds").exists()


def test_what_is_not_what_it_should_be_is_compiled_instead_and_the_reason_said(
    tools: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with served(packed()) as url:
        monkeypatch.setenv(MIRROR, url)
        found = get_servers()

    assert found == cache_folder() / "kubectl"
    assert (tools / "builds").exists()
    assert ASSETS not in os.environ
    told = capsys.readouterr().err
    assert "testbed: the servers cannot be fetched ready built (what came is another file than " in told
    assert [path.name for path in cache_root().iterdir() if "envtest" in path.name] == []


def test_without_a_network_the_compiler_begins_at_once(
    tools: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(MIRROR, "http://127.0.0.1:1/archive")

    assert get_servers() == cache_folder() / "kubectl"
    assert "ready built (127.0.0.1:1: Connection refused), so they are compiled" in capsys.readouterr().err


def _started(extra: Mapping[str, str]) -> subprocess.Popen[str]:
    # -S: the packages of the environment are not there yet when it runs for the first time.
    return subprocess.Popen(
        [sys.executable, "-S", "-m", "demo.servers"],
        cwd=ROOT,
        env={**os.environ, **extra},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_demos_at_once_build_once_and_need_no_package(tools: Path) -> None:
    both = [_started({}) for _ in range(2)]
    told = [each.communicate(timeout=60) for each in both]

    assert [each.returncode for each in both] == [0, 0], told
    assert (tools / "builds").read_text(encoding="utf-8") == "build\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_compiler_too_and_leaves_nothing_half_done(
    tools: Path, tmp_path: Path, number: signal.Signals
) -> None:
    marker = tmp_path / "started"
    build = _started({"SLOW_GO": str(marker)})
    wait_until(marker.exists, 60, "the compiler to start")

    build.send_signal(number)
    _, told = build.communicate(timeout=60)

    assert build.returncode == 130
    assert "Traceback" not in told
    assert [path.name for path in cache_folder().iterdir()] == [".lock"]
    assert get_servers() == cache_folder() / "kubectl"


@pytest.mark.parametrize(
    ("name", "said"), [(ASSETS, "is no folder: set it to "), (VAULT_BINARY, "does not exist: set it to ")]
)
def test_a_wrong_setting_ends_it_with_a_sentence_before_anything_is_built(
    tools: Path, name: str, said: str
) -> None:
    done = _started({name: "/nowhere"})
    _, told = done.communicate(timeout=60)

    assert done.returncode == 1
    assert told.startswith(f"testbed: {name}=/nowhere {said}")
    assert told.count("\n") == 1
    assert not (tools / "builds").exists()
