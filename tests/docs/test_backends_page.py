"""The page about several backends shows the samples, which do what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from secrets_manager import commands
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.daemon.config.backend_tables import MOST_BACKENDS
from secrets_manager.daemon.config.configuration import load
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import Settings
from tests.docs.pages import ROOT, page
from tests.unit.sync.doubles import LossyCluster
from tests.unit.sync.world import TEAM, World

PAGE = page("docs/backends.md")
SAMPLES = ROOT / "samples/several-backends"
SECRET = f"{TEAM}-checkout"


def sample(name: str) -> str:
    """The sample, for the namespace of the world in memory."""
    return (SAMPLES / name).read_text(encoding="utf-8").replace("shop", TEAM)


def loaded(file: Path, text: str, **environ: str) -> Settings:
    file.write_text(text, encoding="utf-8")
    settings = load([], environ, file.parent, system_file=file)
    assert isinstance(settings, Settings)
    return settings


def world_of(settings: Settings, cluster: LossyCluster) -> World:
    """A daemon with the backends and the policy of the settings, whose backends are in memory."""
    backends = {each.name: MemoryBackend() for each in settings.backends}
    values = {
        "eu": (f"secret/data/{TEAM}/mail", {"api_key": "example-mail-api-key"}),
        "payments": ("payments-webhook", {"": "example-webhook-key"}),
    }
    for name, backend in backends.items():
        backend.put(*values[name])
    return World(cluster=cluster, others=backends, rules=settings.policy.rules)


def test_the_page_shows_the_samples() -> None:
    _, settings = PAGE.fences("toml")
    (definition,) = PAGE.fences("yaml")

    assert settings.text == (SAMPLES / "settings.toml").read_text(encoding="utf-8")
    assert definition.text == (SAMPLES / "shop-checkout.yaml").read_text(encoding="utf-8")


def test_the_settings_on_the_page_are_backends_with_names_and_no_default(tmp_path: Path) -> None:
    found = []
    for fence in PAGE.fences("toml"):
        settings = loaded(tmp_path / "settings.toml", fence.text)
        found.append([(each.name, each.kind) for each in settings.backends])

    assert found == [
        [("eu", "vault"), ("us", "vault")],
        [("eu", "vault"), ("payments", "azure-kv")],
    ]


def test_the_variables_on_the_page_make_a_backend(tmp_path: Path) -> None:
    names = set(re.findall(r"`(SECRETS_MANAGER_BACKENDS__\w+)`", PAGE.text))
    assert names == {f"SECRETS_MANAGER_BACKENDS__TEAM_A__{key}" for key in ("KIND", "SECRET_ID")}
    others = {"SECRETS_MANAGER_BACKENDS__TEAM_A__ROLE_ID": "r"}

    (backend,) = loaded(tmp_path / "s.toml", "", **dict.fromkeys(names, "vault"), **others).backends

    assert (backend.name, backend.own.secret_id) == ("team-a", "vault")


def test_the_sample_becomes_one_secret_out_of_two_backends(tmp_path: Path) -> None:
    settings = loaded(tmp_path / "s.toml", sample("settings.toml"))
    world = world_of(settings, LossyCluster())
    world.define(spec=yaml.safe_load(sample("shop-checkout.yaml"))["spec"])
    world.start()

    assert world.condition() == ("True", "Synced")
    assert world.data(SECRET) == {
        "MAIL_KEY": "example-mail-api-key",
        "WEBHOOK_KEY": "example-webhook-key",
    }


@pytest.mark.parametrize(
    ("first_rule_left", "reason"),
    [("# Each team", "PathNotAllowed"), ("# and the", "UnknownBackend")],
)
def test_a_backend_that_leaves_the_settings_leaves_its_secrets_and_comes_back_without_a_write(
    tmp_path: Path, first_rule_left: str, reason: str
) -> None:
    both = sample("settings.toml")
    # Without its table and the rule that names it; then also without the other rule.
    rules = both[both.index(first_rule_left) : both.index("# and the")]
    one = both[: both.index("[backends.payments]")] + rules
    first = world_of(loaded(tmp_path / "s.toml", both), LossyCluster())
    first.define(spec=yaml.safe_load(sample("shop-checkout.yaml"))["spec"])
    first.start()
    before = first.secret(SECRET)

    without = world_of(loaded(tmp_path / "s.toml", one), first.cluster)
    without.start()
    without.edit_secret(SECRET, MAIL_KEY="by hand")
    without.settle()

    assert without.condition()[1] == reason
    assert without.data(SECRET) == {"MAIL_KEY": "by hand"}

    back = world_of(loaded(tmp_path / "s.toml", both), first.cluster)
    back.start()

    assert back.condition() == ("True", "Synced")
    assert (back.secret(SECRET) or {}).get("data") == (before or {}).get("data")


def test_a_rule_about_a_backend_that_is_gone_is_a_fault(tmp_path: Path) -> None:
    text = sample("settings.toml")
    without = text[: text.index("[backends.payments]")] + text[text.index("# Each team") :]

    with pytest.raises(ConfigError, match=r"rule 2, backends, item 1: matches no backend"):
        loaded(tmp_path / "s.toml", without)


def test_the_command_says_what_the_page_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    (command,), (output,) = PAGE.fences("sh"), PAGE.fences("text")

    assert commands.run(shlex.split(command.text)[1:], {}, Path.cwd()) == 0
    assert capsys.readouterr().out == output.text


def test_the_limit_is_that_of_the_code() -> None:
    assert f"up to {MOST_BACKENDS}." in PAGE.text
