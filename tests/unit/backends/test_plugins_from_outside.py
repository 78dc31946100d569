"""A backend of another package: found by its kind, or refused with a reason."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from secrets_manager.backends import factory
from secrets_manager.daemon import hardening
from secrets_manager.daemon.config.configuration import ExitRequest, load
from secrets_manager.daemon.config.options import options_with
from secrets_manager.daemon.config.setting_checks import backend_notices
from secrets_manager.daemon.metrics import Metrics
from secrets_manager.daemon.workforce import workers_of
from secrets_manager.domain.definition import Ref
from secrets_manager.domain.errors import ConfigError, SourceNotFound
from secrets_manager.settings import Settings

CANARY = "canary-81d2"
GOOD = """
from dataclasses import dataclass
from prometheus_client import Gauge
from secrets_manager.backends.memory import MemoryBackend
from secrets_manager.backends.plugin import Plugin
from secrets_manager.settings.option import Contradiction, option

@dataclass(frozen=True, slots=True, kw_only=True)
class Attic:
    key: str = option("", secret=True, overriding="ATTIC_KEY", help="What opens it.")
    floor: int = option(0, help="Where it is.")

def contradictions(attic):
    if not attic.key:
        yield Contradiction(names=("key",), text="missing: give {table}.key", exit_code=1)

PLUGIN = Plugin(
    kind="attic",
    contract=1,
    settings=Attic,
    build=lambda attic, provided: MemoryBackend(),
    contradictions=contradictions,
    notices=lambda attic: iter(["it is dusty"]),
    maintain_every=lambda attic: 7.0 + attic.floor,
    calls_per_second=lambda attic: 2,
    metrics=lambda registry, attic: Gauge("attic_floor", "Where it is.", registry=registry),
    foreign_credentials=("ATTIC_SPARE_KEY",),
)
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a package with one module where Python finds it, as an installer would."""
    modules: list[str] = []

    def install(source: str, *, kind: str = "attic", package: str = "attic_one") -> None:
        site = tmp_path / package
        about = site / f"{package}-1.0.dist-info"
        about.mkdir(parents=True)
        (site / f"{package}.py").write_text(source, encoding="utf-8")
        (about / "METADATA").write_text(f"Name: {package}\nVersion: 1.0\n", encoding="utf-8")
        entry = f"[secrets_manager.backends]\n{kind} = {package}:PLUGIN\n"
        (about / "entry_points.txt").write_text(entry, encoding="utf-8")
        monkeypatch.syspath_prepend(str(site))
        modules.append(package)
        factory.plugin_named.cache_clear()

    yield install
    for name in modules:
        sys.modules.pop(name, None)
    factory.plugin_named.cache_clear()


def told(tmp_path: Path, *argv: str, text: str = "", **environ: str) -> Settings:
    file = tmp_path / "settings.toml"
    file.write_text(text, encoding="utf-8")
    settings = load(argv, environ, tmp_path, system_file=tmp_path / "none")
    assert isinstance(settings, Settings)
    return settings


@pytest.mark.parametrize(
    ("argv", "text", "environ"),
    [
        (["-backend=attic", f"-attic.key={CANARY}", "-attic.floor=3"], "", {}),
        (["--attic.floor", "3", "--backend", "attic"], "", {"ATTIC_KEY": CANARY}),
        (["-once", "-backend", "attic", f"-attic.key={CANARY}", "-attic.floor=3"], "", {}),
        (["-attic.floor", "3"], "", {"SECRETS_MANAGER_BACKEND": "attic", "ATTIC_KEY": CANARY}),
        ([], f'backend = "attic"\n[attic]\nfloor = 3\nkey = "{CANARY}"', {}),
        (
            ["-backend=attic"],
            'backend = "vault"\n[attic]\nfloor = 9',
            {"SECRETS_MANAGER_ATTIC__FLOOR": "3", "SECRETS_MANAGER_ATTIC__KEY": CANARY},
        ),
    ],
)
def test_its_settings_are_said_wherever_settings_are(
    install: Install, tmp_path: Path, argv: list[str], text: str, environ: dict[str, str]
) -> None:
    install(GOOD)
    settings = told(tmp_path, *argv, text=text, **environ)

    assert settings.backend == "attic"
    assert (settings.backends[0].own.floor, settings.backends[0].own.key) == (3, CANARY)
    assert CANARY not in repr(settings)


def test_no_module_of_a_plug_in_is_loaded_while_another_backend_is_chosen(
    install: Install, tmp_path: Path
) -> None:
    install("raise SystemExit('loaded')")

    assert told(tmp_path, "-vault.role-id=r", "-vault.secret-id=s").backend == "vault"


def test_a_value_that_looks_like_the_flag_names_no_backend(install: Install, tmp_path: Path) -> None:
    install("raise SystemExit('loaded')")
    argv = ("-controller-name", "-backend=attic", "-vault.role-id=r", "-vault.secret-id=s")

    assert told(tmp_path, *argv).backend == "vault"


def test_the_secret_of_a_plug_in_is_recognised_on_the_command_line(install: Install, tmp_path: Path) -> None:
    install(GOOD)
    settings = told(tmp_path, "-backend=attic", f"-attic.key={CANARY}")

    assert settings.secrets_in_arguments == (CANARY,)
    assert any(notice.startswith("attic.key is on the command line") for notice in settings.notices)


@pytest.mark.parametrize("kind", ["memory", "nobodys"])
def test_what_is_for_tests_alone_or_brought_by_no_package_is_not_chosen(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ConfigError, match="flag -backend: must be vault or azure-kv") as caught:
        told(tmp_path, f"-backend={kind}")

    assert caught.value.exit_code == 1


def test_contradictory_settings_are_reported_by_the_names_that_the_user_knows(
    install: Install, tmp_path: Path
) -> None:
    install(GOOD)
    with pytest.raises(ConfigError, match=r"^setting attic\.key: missing: give attic\.key$") as caught:
        told(tmp_path, "-backend=attic")

    assert caught.value.exit_code == 1


def test_usage_shows_the_options_of_a_plug_in_that_is_named(install: Install, tmp_path: Path) -> None:
    install(GOOD)
    asked = load(["-backend=attic", "-h"], {}, tmp_path)

    assert isinstance(asked, ExitRequest)
    assert (asked.code, "-attic.floor int" in asked.err) == (0, True)


def test_its_credentials_are_removed_from_the_environment(install: Install) -> None:
    install(GOOD)
    options = options_with(factory.plugin_named("attic"))

    names = set(hardening.credential_names({"attic"}, options))
    assert {"SECRETS_MANAGER_ATTIC__KEY", "ATTIC_KEY", "ATTIC_SPARE_KEY"} < names
    assert "SECRETS_MANAGER_ATTIC__FLOOR" not in names
    assert "VAULT_TOKEN" not in names


def test_its_word_counts_for_notices_and_the_number_of_workers(install: Install, tmp_path: Path) -> None:
    install(GOOD)
    settings = told(tmp_path, "-backend=attic", f"-attic.key={CANARY}")

    assert list(factory.plugin_of(settings.backends[0]).notices(settings.backends[0].own)) == ["it is dusty"]
    assert workers_of(settings) == 5


def named(folder: Path, text: str, environ: dict[str, str] | None = None) -> Settings:
    """The settings of a file."""
    file = folder / "settings.toml"
    file.write_text(text, encoding="utf-8")
    found = load([], environ or {}, folder, system_file=file)
    assert isinstance(found, Settings)
    return found


def test_two_backends_with_names_can_be_of_it_though_the_default_is_not(
    install: Install, tmp_path: Path
) -> None:
    install(GOOD)
    text = f'[backends.one]\nkind = "attic"\nkey = "{CANARY}"\n[backends.two]\nkind = "attic"\nfloor = 2\n'
    environ = {"SECRETS_MANAGER_BACKENDS__TWO__KEY": CANARY, "ATTIC_KEY": "of-the-default"}

    settings = named(tmp_path, text, environ)

    one, two = settings.backends
    assert (one.kind, one.own.key, one.own.floor) == ("attic", CANARY, 0)
    assert (two.kind, two.own.key, two.own.floor) == ("attic", CANARY, 2)
    assert CANARY not in repr(settings)
    options = hardening.options_behind(settings)
    removed = hardening.credential_names({"attic"}, options)
    assert {"SECRETS_MANAGER_BACKENDS__TWO__KEY", "ATTIC_SPARE_KEY"} < set(removed)
    assert list(backend_notices(settings)) == ["backend one: it is dusty", "backend two: it is dusty"]


def test_its_kind_is_among_those_that_a_table_can_have(install: Install, tmp_path: Path) -> None:
    install(GOOD)
    with pytest.raises(ConfigError, match=r"backends\.one\.kind: must be one of vault, azure-kv, attic$"):
        named(tmp_path, '[backends.one]\nkind = "atic"\n')
    with pytest.raises(ConfigError, match=r"^setting backends\.one\.key: missing: give backends\.one\.key$"):
        named(tmp_path, '[backends.one]\nkind = "attic"\n')


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (GOOD.replace("floor: int", "timeout: int"), "has an option timeout, which no table of a backend"),
        (GOOD.replace("option(0,", 'option(0, name="/floor",'), "has an option floor, which no table"),
        (GOOD.replace("contract=1", "contract=2"), "was made for contract 2"),
        ("raise ValueError('canary-81d2')", "cannot be loaded: ValueError"),
    ],
)
def test_one_that_cannot_be_a_backend_with_a_name_is_a_fault_of_the_table(
    install: Install, tmp_path: Path, source: str, why: str
) -> None:
    install(source)
    with pytest.raises(ConfigError) as caught:
        named(tmp_path, '[backends.one]\nkind = "attic"\n')

    (fault,) = caught.value.message.splitlines()
    assert f"key backends.one.kind: the plug-in 'attic' {why}" in fault
    assert CANARY not in fault
    assert caught.value.exit_code == 1


def test_its_calls_its_failed_reads_and_its_own_metrics_are_shown(install: Install, tmp_path: Path) -> None:
    install(GOOD)
    metrics = Metrics(told(tmp_path, "-backend=attic", f"-attic.key={CANARY}"))
    measured = metrics.backends.of("default")
    measured.own.set(3)
    measured.telemetry.backend_call("attic", "read", 0.1, None)
    measured.telemetry.read_failed(Ref("shop", "db"), "p", "k", SourceNotFound("p"))

    ask = metrics.registry.get_sample_value
    failed = {"backend": "default", "path": "p", "key": "k", "reason": "SourceNotFound"}
    call = {"backend": "default", "kind": "attic", "operation": "read", "result": "success"}
    assert ask("attic_floor", {"backend": "default"}) == 3
    assert ask("secrets_manager_backend_read_secret_errors_total", failed) == 1
    assert ask("secrets_manager_backend_request_duration_seconds_count", call) == 1
    metrics.backends.reads_forgotten(Ref("shop", "db"))
    assert ask("secrets_manager_backend_read_secret_errors_total", failed) is None


BAD = {
    "was made for contract 2, and this release has contract 1": GOOD.replace("contract=1", "contract=2"),
    "is not a secrets_manager.backends.plugin.Plugin": "PLUGIN = 'attic'",
    "calls itself 'cellar'": GOOD.replace('kind="attic"', 'kind="cellar"'),
    "has settings that are not a dataclass": GOOD.replace("settings=Attic", "settings=int"),
    "cannot be loaded: AttributeError": "",
    "cannot be loaded: ModuleNotFoundError of no_such_library": "import no_such_library",
    "cannot be loaded: ValueError": f"raise ValueError('{CANARY}')",
    "has an option vault.key with names that are taken: vault": GOOD.replace(
        'option("", ', 'option("", name="/vault.key", '
    ),
    "has an option attic.key with names that are taken: VAULT_ROLE_ID": GOOD.replace(
        "ATTIC_KEY", "VAULT_ROLE_ID"
    ),
}


@pytest.mark.parametrize("why", BAD)
def test_a_plug_in_that_cannot_be_used_is_refused_with_the_reason(
    install: Install, tmp_path: Path, why: str
) -> None:
    install(BAD[why])
    with pytest.raises(ConfigError) as caught:
        told(tmp_path, "-backend=attic", f"-attic.key={CANARY}")

    assert caught.value.message == f"backend: the plug-in 'attic' {why}"
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("kind", ["policy", "election", "vault.more", "Attic", "../attic"])
def test_a_kind_that_would_take_the_place_of_other_settings_is_refused(
    install: Install, tmp_path: Path, kind: str
) -> None:
    install(GOOD.replace('kind="attic"', f'kind="{kind}"'), kind=kind)
    with pytest.raises(ConfigError, match=f"^backend: the plug-in '{kind}' (needs a name|has an option)"):
        told(tmp_path, f"-backend={kind}")


def test_two_packages_that_provide_the_same_kind_are_both_refused(install: Install, tmp_path: Path) -> None:
    install(GOOD)
    install(GOOD, package="attic_two")
    with pytest.raises(ConfigError) as caught:
        told(tmp_path, "-backend=attic")

    said = "backend: the plug-in 'attic' is in 2 packages: attic_one 1.0, attic_two 1.0"
    assert caught.value.message == said
