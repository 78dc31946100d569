"""``policy test`` says what the daemon's own policy decides, from its settings and without a call."""

from __future__ import annotations

from pathlib import Path

import pytest

from secrets_manager import commands
from secrets_manager.daemon import cli
from tests.unit.backends.tables import rows

LOGIN = {"VAULT_ROLE_ID": "canary-role", "VAULT_SECRET_ID": "canary-secret"}
RULES = """
[[policy.rules]]
namespaces = ["*"]
paths = ["secret/data/shared/admin/*"]
effect = "deny"

[[policy.rules]]
namespaces = ["team-*"]
paths = ["secret/data/{namespace}/*", "secret/data/shared/*"]
effect = "allow"
"""


pytestmark = pytest.mark.usefixtures("without_a_network")


@pytest.fixture(autouse=True)
def in_a_folder_with_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("settings.toml").write_text(RULES, encoding="utf-8")


class Said:
    """What the command printed, and its exit code."""

    def __init__(self, capsys: pytest.CaptureFixture[str], line: str, **environ: str) -> None:
        self.code = commands.run(["policy", *line.split(" ")], {**LOGIN, **environ}, Path())
        self.out, self.err = capsys.readouterr()
        assert "canary" not in self.out + self.err


@pytest.mark.parametrize(
    ("line", "code", "said"),
    rows(
        {
            "a rule that allows": (
                "team-a secret/data/team-a/db",
                0,
                (
                    "allowed by rule 2 of policy.rules: 'team-*' names the namespace, '*' the backend, "
                    "'secret/data/{namespace}/*' the path"
                ),
            ),
            "a rule that denies": (
                "team-a secret/data/shared/admin/x",
                1,
                (
                    "denied by rule 1 of policy.rules: '*' names the namespace, '*' the backend, "
                    "'secret/data/shared/admin/*' the path"
                ),
            ),
            "no rule": (
                "shop secret/data/shop/db",
                1,
                (
                    "denied since no rule of policy.rules names all three; of 2, 1 would decide about other "
                    "paths for this namespace and backend"
                ),
            ),
        }
    ),
)
def test_it_says_which_rule_decides_and_why(
    capsys: pytest.CaptureFixture[str], line: str, code: int, said: str
) -> None:
    told = Said(capsys, f"test {line}")

    assert (told.code, told.err) == (code, "")
    namespace, path = line.split(" ")
    assert told.out == f"namespace {namespace}, backend default, path {path!r}\n{said}\n"


@pytest.mark.parametrize("path", ["/secret/data/team-a/db", "secret/data/team-a/db/"])
def test_the_path_is_that_which_the_backend_makes_of_it(
    capsys: pytest.CaptureFixture[str], path: str
) -> None:
    told = Said(capsys, f"test team-a {path}")

    assert told.code == 0
    assert "path 'secret/data/team-a/db'\n" in told.out


@pytest.mark.parametrize("path", ["secret/data/team-a/../x", "", "a//b", "secret/\x1b[2J", "a\nallowed"])
def test_a_path_that_no_backend_is_asked_for_is_denied(capsys: pytest.CaptureFixture[str], path: str) -> None:
    told = Said(capsys, f"test team-a {path}")

    assert told.code == 1
    assert told.out.startswith("denied before any rule is asked: InvalidPath: ")
    assert told.out.count("\n") == 1
    assert "\x1b" not in told.out


@pytest.mark.parametrize(("letter", "shown"), [("\u202e", "\\u202e"), ("\u3164", "\\u3164"), ("ä", "ä")])
def test_what_does_not_show_in_a_path_is_shown_as_its_number(
    capsys: pytest.CaptureFixture[str], letter: str, shown: str
) -> None:
    told = Said(capsys, f"test team-a secret/data/team-a/{letter}x")

    assert told.code == 0
    assert f"path 'secret/data/team-a/{shown}x'\n" in told.out


def test_flags_of_the_daemon_and_its_environment_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.toml").write_text(RULES.replace("team-*", "shop"), encoding="utf-8")
    asked = "test shop secret/data/shop/db"

    assert Said(capsys, f"{asked} -- -config other.toml").code == 0
    assert Said(capsys, asked, SECRETS_MANAGER_CONFIG="other.toml").code == 0
    assert Said(capsys, asked).code == 1


@pytest.mark.parametrize(
    ("paths", "path", "code", "said"),
    [
        ("secret/{namespace}/*", "secret/shop/a", 0, "allowed by policy.paths: 'secret/{namespace}/*' names"),
        ("secret/{namespace}/*", "secret/a", 1, "denied since no pattern of policy.paths names the path"),
        ("", "secret/a", 0, "allowed since no path policy is set"),
    ],
)
def test_it_explains_policy_paths_too(
    capsys: pytest.CaptureFixture[str], paths: str, path: str, code: int, said: str
) -> None:
    Path("settings.toml").unlink()
    environ = {"SECRETS_MANAGER_POLICY__PATHS": paths} if paths else {}
    told = Said(capsys, f"test shop {path}", **environ)

    assert told.code == code
    assert said in told.out


@pytest.mark.parametrize("name", ["--backend default", "--backend=default", "-backend default"])
def test_the_backend_may_be_named_anywhere(capsys: pytest.CaptureFixture[str], name: str) -> None:
    for line in (f"test {name} team-a secret/data/team-a/db", f"test team-a secret/data/team-a/db {name}"):
        assert Said(capsys, line).code == 0


@pytest.mark.parametrize(
    ("line", "said"),
    rows(
        {
            "nothing to do": ("tset a b", "No such command 'tset'"),
            "no path": ("test a", "Missing argument 'PATH'"),
            "one too many": ("test a b c", "unexpected extra argument (c)"),
            "no namespace": ("test A b", "no namespace can have that name"),
            "a star": ("test * b", "no namespace can have that name"),
            "an unknown flag": ("test a b --nope=canary", "No such option '--nope'.\n"),
            "no name of a backend": ("test a b --backend", "Option '--backend' requires an argument"),
            "two backends": ("test a b --backend default --backend=eu", "it can be given once"),
            "an unknown backend": (
                "test a b --backend eu",
                "named 'eu'; --backend can name default\n",
            ),
            "an unknown flag of the daemon": ("test a b -- -nope", "flag provided but not defined: -nope"),
            "a flag that ends the daemon": ("test a b -- -version", "Secrets Manager "),
            "a bad value": ("test a b -- -workers=0", "must be between 1 and 1024"),
            "both kinds of policy": ("test a b -- -policy.paths=*", "cannot be in force together"),
        }
    ),
)
def test_what_cannot_be_answered_ends_with_2(
    capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    told = Said(capsys, line)

    assert (told.code, told.out) == (2, "")
    assert said in told.err


TWO = """
[backends.eu]
kind = "vault"
role-id = "canary-r"
secret-id = "canary-s"

[backends.keys]
kind = "azure-kv"
name = "shop-vault"
system-assigned-identity = true

[[policy.rules]]
namespaces = ["*"]
backends = ["eu"]
paths = ["secret/data/*"]
effect = "allow"

[[policy.rules]]
namespaces = ["shop"]
backends = ["k*"]
paths = ["App"]
effect = "allow"
"""


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("shop secret/data/x --backend eu", 0, "allowed by rule 1"),
        ("shop secret/data/x --backend keys", 1, "denied before any rule is asked"),
        ("shop other --backend=keys", 1, "denied since no rule"),
        ("shop secrets/APP --backend=keys", 0, "allowed by rule 2"),
    ],
)
def test_each_backend_can_be_asked_about_and_sees_paths_its_own_way(
    capsys: pytest.CaptureFixture[str], line: str, code: int, said: str
) -> None:
    Path("settings.toml").write_text(TWO, encoding="utf-8")

    assert commands.run(["policy", "test", *line.split(" ")], {}, Path()) == code
    assert said in capsys.readouterr().out


def test_the_backends_to_ask_about_are_named_where_there_is_no_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("settings.toml").write_text(TWO, encoding="utf-8")

    assert commands.run(["policy", "test", "shop", "secret/data/x"], {}, Path()) == 2
    assert "have no backend named 'default'; --backend can name eu, keys\n" in capsys.readouterr().err


def test_no_credentials_are_needed_since_nothing_is_called() -> None:
    assert commands.run(["policy", "test", "team-a", "secret/data/team-a/db"], {}, Path()) == 0
    assert commands.run(["policy", "test", "team-a", "secret/data/team-b/db"], {}, Path()) == 1


@pytest.mark.parametrize("line", ["-h", "--help", "test -h"])
def test_help_goes_to_stdout(capsys: pytest.CaptureFixture[str], line: str) -> None:
    told = Said(capsys, line)

    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("Usage: secrets-manager policy")


@pytest.mark.parametrize("line", ["test team-a secret/data/team-a/db", "-h"])
def test_an_answer_that_nobody_gets_allows_nothing(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setattr("sys.stdout", None)

    assert commands.run(["policy", *line.split(" ")], dict(LOGIN), Path()) == 2


def test_behind_a_flag_the_word_is_ignored_as_go_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["-version", "policy", "test"], {}) == 0
    assert capsys.readouterr().out.startswith("Secrets Manager ")


def test_the_environment_stays_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    environ = dict(LOGIN)
    commands.run(["policy", "test", "team-a", "secret/data/team-a/db"], environ, Path())
    capsys.readouterr()

    assert environ == LOGIN
