"""Every fault is in one message, with its place, never with a secret, and with the right exit code."""

from __future__ import annotations

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secrets_manager.daemon.config.configuration import load
from secrets_manager.daemon.config.options import OPTIONS
from secrets_manager.domain.errors import ConfigError
from secrets_manager.settings import AuthMethod, Settings
from secrets_manager.settings.option import Option

LOGIN = {"VAULT_ROLE_ID": "role", "VAULT_SECRET_ID": "secret"}
NOWHERE = Path("/nowhere")


def faults(
    argv: Sequence[str] = (), environ: Mapping[str, str] = LOGIN, *, file: Path = NOWHERE
) -> tuple[int, list[str]]:
    with pytest.raises(ConfigError) as caught:
        load(argv, environ, NOWHERE, system_file=file)
    return caught.value.exit_code, str(caught.value).splitlines()


FLAGS = {
    "unknown backend": ("-backend=etcd", 1, "flag -backend: must be vault or azure-kv"),
    "unknown engine": ("-vault.engine=kv3", 1, "flag -vault.engine: must be kv1 or kv2"),
    "unknown auth method": (
        "-vault.auth-method=github",
        2,
        f"flag -vault.auth-method: must be one of {', '.join(get_args(AuthMethod))}",
    ),
    "period of zero": ("-reconcile-period=0", 2, "flag -reconcile-period: must be at least 10ms"),
    "negative timeout": (
        "-config.backend-timeout=-5s",
        2,
        "flag -config.backend-timeout: must be at least 10ms",
    ),
    "negative life": ("-vault.max-token-ttl=-1", 2, "flag -vault.max-token-ttl: must not be negative"),
    "no workers": ("-workers=0", 2, "flag -workers: must be between 1 and 1024"),
    "URL without scheme": (
        "-vault.url=vault:8200",
        2,
        "flag -vault.url: must start with http:// or https://",
    ),
    "URL without host": (
        "-vault.url=http://",
        2,
        "flag -vault.url: must name a host, and a port above 0 if any",
    ),
    "URL with a bad port": (
        "-vault.url=http://v:99999",
        2,
        "flag -vault.url: is not a URL: its host or port cannot be read",
    ),
    "URL with a password": (
        "-vault.url=http://u:canary-1@v",
        2,
        "flag -vault.url: must not contain a user or password",
    ),
    "URL with a query": ("-vault.url=http://v?x=1", 2, "flag -vault.url: must not contain ? or #"),
    "URL of a metadata service": (
        "-vault.url=http://169.254.169.254:8200",
        2,
        "flag -vault.url: must not be a link-local address or a metadata service",
    ),
    "redirects to a link-local address": (
        "-vault.redirect-hosts=v,fe80::1",
        2,
        "flag -vault.redirect-hosts: must not be a link-local address or a metadata service",
    ),
    "URL with a blank": (
        "-vault.url=http://v /x",
        2,
        "flag -vault.url: must not contain blanks or control characters",
    ),
    "proxy of another kind": (
        "-vault.http-proxy=socks5://canary-2",
        2,
        "flag -vault.http-proxy: must start with http:// or https://",
    ),
    "address without port": (
        "-metrics-addr=8080",
        2,
        "flag -metrics-addr: must be host:port or :port with a port up to 65535, or 0 for none",
    ),
    "port too high": (
        "-metrics-addr=:65536",
        2,
        "flag -metrics-addr: must be host:port or :port with a port up to 65535, or 0 for none",
    ),
    "not a namespace": (
        "-watch-namespaces=ok,Not_Ok",
        2,
        (
            "flag -watch-namespaces: must list names of namespaces: "
            "lower-case letters, digits and inner dashes, at most 63"
        ),
    ),
    "mount with dots": (
        "-vault.approle-path=a/../b",
        2,
        "flag -vault.approle-path: must be a path without empty, . or .. parts",
    ),
    "empty mount": ("-vault.kubernetes-path=", 2, "flag -vault.kubernetes-path: must not be empty"),
    "empty controller name": ("-controller-name= ", 2, "flag -controller-name: must not be empty"),
    "line break": (
        "-vault.namespace=a\nb",
        2,
        "flag -vault.namespace: must not contain line breaks or other control characters",
    ),
    "host with a port": (
        "-vault.redirect-hosts=a:8200",
        2,
        "flag -vault.redirect-hosts: must list host names or addresses, without scheme, port or path",
    ),
    "unknown placeholder": (
        "-policy.paths=secret/{name}",
        2,
        "flag -policy.paths: the only placeholder in a pattern is {namespace}",
    ),
    "pattern with dots": (
        "-policy.paths=secret/../*",
        2,
        "flag -policy.paths: a pattern must not have . or .. parts",
    ),
    "Lease name": (
        "-election.lease-name=A/b",
        2,
        "flag -election.lease-name: must be a DNS name in lower case, at most 253 characters",
    ),
    "lease too short": (
        "-election.lease-duration=10s",
        2,
        "flag -election.lease-duration: must be longer than election.renew-deadline",
    ),
    "deadline too short": (
        "-election.renew-deadline=2.4s",
        2,
        "flag -election.renew-deadline: must be longer than 1.2 times election.retry-period",
    ),
    "kubeconfig that is not there": (
        "-kubeconfig=/absent",
        2,
        "flag -kubeconfig: file cannot be read: No such file or directory",
    ),
    "kubeconfig in the home of nobody": (
        "-kubeconfig=~nobody-of-that-name/config",
        2,
        "flag -kubeconfig: file cannot be read: No such file or directory",
    ),
    "certificates that are not there": (
        "-vault.ca-cert=/absent",
        2,
        "flag -vault.ca-cert: file cannot be read: No such file or directory",
    ),
    "certificates' folder that is not there": (
        "-vault.ca-path=/absent",
        2,
        "flag -vault.ca-path: folder cannot be read: No such file or directory",
    ),
}


@pytest.mark.parametrize(("flag", "code", "line"), FLAGS.values(), ids=FLAGS.keys())
def test_a_flag_with_an_invalid_value_is_reported_in_one_line(flag: str, code: int, line: str) -> None:
    assert faults([flag]) == (code, [line])


# Role ids and secrets are what they are, and a list of nothing but blanks without a proxy has no proxy.
BLANKS_ARE_FINE = {
    "vault.role-id",
    "vault.secret-id",
    "vault.password",
    "azure-kv.client-secret",
    "vault.no-proxy",
    "azure-kv.no-proxy",
}


@pytest.mark.parametrize(
    "option",
    [option for option in OPTIONS if option.in_environment and option.name not in BLANKS_ARE_FINE],
    ids=lambda option: option.name,
)
def test_blanks_alone_are_a_fault_of_every_option(option: Option) -> None:
    code, lines = faults([], LOGIN | {option.environment: "  "})

    assert code == option.exit_code
    assert len(lines) == (2 if option.name == "config" else 1)
    assert lines[-1].startswith(f"environment {option.environment}: ")


def test_a_name_of_ours_in_small_letters_is_a_fault_and_not_left_aside() -> None:
    name = "secrets_manager_policy__paths"
    small = {name: "a/*", "Secrets_Manager_Workers": "1"}

    assert faults([], LOGIN | small) == (
        2,
        [
            "environment Secrets_Manager_Workers: unknown name; did you mean SECRETS_MANAGER_WORKERS?",
            f"environment {name}: unknown name; did you mean {name.upper()}?",
        ],
    )


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("-election.lease-namespace=A b", "must be the name of a namespace"),
        ("-election.lease-namespace=kube-system/x", "must be the name of a namespace"),
        ("-vault.url=http://,", "must name a host"),
        ('-vault.https-proxy="proxy"', "must name a host"),
        ("-azure-kv.authority-host=,", "must name a host"),
    ],
)
def test_a_name_that_nothing_can_have_is_a_fault_at_the_start(flag: str, said: str) -> None:
    code, (line,) = faults([flag])

    assert code == 2
    assert line.startswith(f"{flag.partition('=')[0].replace('-', 'flag -', 1)}: {said}")


def test_all_faults_of_all_sources_are_reported_at_once(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('workers = "many"\npolicies = 1\n[vault]\nsecretid = "canary-1"', encoding="utf-8")
    environ = LOGIN | {"SECRETS_MANAGER_VAULT_URL": "canary-2", "VAULT_SKIP_VERIFY": "perhaps"}

    code, lines = faults(["-vault.engine=kv3", "-election.retry-period=1h"], environ, file=file)

    assert code == 2
    assert lines == [
        f"file {file}, key workers: expected an integer such as 16",
        f"file {file}, key policies: unknown key",
        f"file {file}, key vault.secretid: unknown key; did you mean vault.secret-id?",
        "environment SECRETS_MANAGER_VAULT_URL: unknown name; did you mean SECRETS_MANAGER_VAULT__URL?",
        "environment VAULT_SKIP_VERIFY: expected true or false",
        "flag -vault.engine: must be kv1 or kv2",
        "setting election.renew-deadline: must be longer than 1.2 times election.retry-period",
    ]


def test_faults_that_exit_1_alone_exit_1_together() -> None:
    assert faults(["-backend=etcd", "-vault.engine=kv3"])[0] == 1
    assert faults(["-backend=etcd", "-workers=0"])[0] == 2


def test_missing_approle_credentials_are_a_fault_that_names_both_ways_to_give_them() -> None:
    code, lines = faults([], {})

    assert code == 1
    assert [line.split(": ")[0] for line in lines] == ["setting vault.role-id", "setting vault.secret-id"]
    assert "VAULT_SECRET_ID" in lines[1]
    assert "vault.secret-id-file" in lines[1]


def test_kubernetes_auth_without_a_role_is_a_fault() -> None:
    assert faults(["-vault.auth-method=kubernetes"], {}) == (
        1,
        ["setting vault.kubernetes-role: missing: vault.auth-method kubernetes needs a role"],
    )


def test_missing_azure_credentials_exit_1() -> None:
    code, lines = faults(["-backend=azure-kv"], {})

    assert code == 1
    assert [line.split(": ")[0] for line in lines] == ["setting azure-kv.name", "setting azure-kv.client-id"]


COMPLETE_AZURE = {
    "client id of a managed identity": {"AZURE_MANAGED_CLIENT_ID": "m"},
    "resource id of a managed identity": {"AZURE_MANAGED_RESOURCE_ID": "m"},
    "service principal": {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"},
    "certificate": {
        "AZURE_TENANT_ID": "t",
        "AZURE_CLIENT_ID": "c",
        "AZURE_CLIENT_CERTIFICATE_PATH": "/c",
    },
    "what AKS gives a pod with workload identity": {
        "AZURE_TENANT_ID": "t",
        "AZURE_CLIENT_ID": "c",
        "AZURE_FEDERATED_TOKEN_FILE": "/f",
        "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
    },
    "the machine's own identity": {"SECRETS_MANAGER_AZURE_KV__SYSTEM_ASSIGNED_IDENTITY": "true"},
}


@pytest.mark.parametrize("environ", COMPLETE_AZURE.values(), ids=COMPLETE_AZURE.keys())
def test_complete_azure_credentials_are_enough(environ: dict[str, str]) -> None:
    settings = load(["-backend=azure-kv"], environ | {"AZURE_KV_NAME": "name"}, NOWHERE, system_file=NOWHERE)

    assert isinstance(settings, Settings)
    assert settings.azure_kv.name == "name"


WRONG_AZURE = {
    "name": ("-azure-kv.name=a.b", "flag -azure-kv.name: must be 3 to 24 letters"),
    "cloud": ("-azure-kv.cloud=moon", "flag -azure-kv.cloud: must be public or usgov or china"),
    "plain address": (
        "-azure-kv.url=http://v.vault.azure.net",
        "flag -azure-kv.url: must start with https://",
    ),
    "address with path": (
        "-azure-kv.url=https://v.test/x",
        "flag -azure-kv.url: must be https:// and a host",
    ),
    "address without domain": (
        "-azure-kv.url=https://v",
        "flag -azure-kv.url: must name a host with a domain",
    ),
    "suffix": ("-azure-kv.dns-suffix=a_b", "flag -azure-kv.dns-suffix: must be a DNS name"),
    "authority": ("-azure-kv.authority-host=http://x.test", "flag -azure-kv.authority-host: must be a host"),
    "no calls": (
        "-azure-kv.max-requests-per-second=0",
        "flag -azure-kv.max-requests-per-second: must be between",
    ),
}


@pytest.mark.parametrize(("flag", "text"), WRONG_AZURE.values(), ids=WRONG_AZURE.keys())
def test_a_wrong_azure_setting_is_a_fault(flag: str, text: str) -> None:
    code, lines = faults([flag], {})

    assert code == 2
    assert any(line.startswith(text) for line in lines)


# ── environment ──────────────────────────────────────────────────────────────────────────────────────


def test_names_by_which_kubernetes_announces_services_are_not_ours() -> None:
    links = {
        "SECRETS_MANAGER_SERVICE_HOST": "10.0.0.1",
        "SECRETS_MANAGER_SERVICE_PORT": "8080",
        "SECRETS_MANAGER_SERVICE_PORT_METRICS": "8080",
        "SECRETS_MANAGER_PORT": "tcp://10.0.0.1:8080",
        "SECRETS_MANAGER_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "SECRETS_MANAGER_PORT_8080_TCP_PROTO": "tcp",
        "SECRETS_MANAGER_METRICS_SERVICE_HOST": "10.0.0.2",
        "SECRETS_MANAGER_METRICS_PORT_8080_TCP_ADDR": "10.0.0.2",
    }

    assert isinstance(load([], LOGIN | links, NOWHERE, system_file=NOWHERE), Settings)


def test_a_name_like_a_service_s_without_the_service_is_a_fault() -> None:
    assert faults([], LOGIN | {"SECRETS_MANAGER_PORT": "1"}) == (
        2,
        ["environment SECRETS_MANAGER_PORT: unknown name"],
    )


# ── the settings file ────────────────────────────────────────────────────────────────────────────────

FILES = {
    "a number for a text": (
        "[vault]\nrole-id = 123456",
        'key vault.role-id: expected a string in quotes, such as "name", found an integer',
    ),
    "a number for a duration": (
        "reconcile-period = 5",
        'key reconcile-period: expected a duration with its unit, such as "5s" or "1m30s", found an integer',
    ),
    "a date": (
        "backend = 2024-01-01",
        'key backend: expected a string in quotes, such as "name", found a date or time',
    ),
    "a number in a list": (
        'watch-namespaces = ["a", 1.5]',
        'key watch-namespaces: expected a list such as ["a", "b"] or "a,b", found a number in the list',
    ),
    "a boolean for a number": (
        "workers = true",
        "key workers: expected an integer such as 16, found a boolean",
    ),
    "a table for a key": (
        "[workers]\nmost = 1",
        "key workers: expected an integer such as 16, found a table",
    ),
    "a key for a table": (
        'vault = "x"',
        "key vault: is a table; write [vault] on a line of its own and its keys below",
    ),
    "the same key twice": (
        "[vault]\nmax-token-ttl = 1\nmax_token_ttl = 2",
        (
            "key vault.max_token_ttl: sets the same option as file {file}, key vault.max-token-ttl; "
            "keep one of them"
        ),
    ),
    "a key that only a flag has": ("version = true", "key version: unknown key"),
    "dynaconf's own words": ("dynaconf_merge = true", "key dynaconf_merge: unknown key"),
    "a key in an unknown table": (
        '[vualt]\nurl = "x"',
        "key vualt.url: unknown key; did you mean vault.url?",
    ),
}


@pytest.mark.parametrize(("text", "line"), FILES.values(), ids=FILES.keys())
def test_a_key_that_cannot_be_used_is_reported_with_file_and_key(
    tmp_path: Path, text: str, line: str
) -> None:
    file = tmp_path / "s.toml"
    file.write_text(text, encoding="utf-8")

    assert faults(file=file) == (2, [f"file {file}, {line.format(file=f'{file}')}"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'[vault]\nsecret-id = "canary-1', "is not valid TOML at end of document"),
        (b"[vault]\nsecret-id = canary-1\n", "is not valid TOML at line 2, column 13"),
        (b'backend = "\xff"', "is not UTF-8"),
    ],
)
def test_a_file_that_is_no_toml_is_reported_by_its_place_alone(
    tmp_path: Path, content: bytes, told: str
) -> None:
    file = tmp_path / "s.toml"
    file.write_bytes(content)

    # No credentials are given either: that is no fault here, since the file may hold them.
    assert faults([], {}, file=file) == (2, [f"file {file}: {told}"])


def test_a_named_file_that_is_missing_is_a_fault_of_the_option_that_named_it() -> None:
    told = "file /absent.toml: cannot be read: No such file or directory"

    assert faults(["-config=/absent.toml"]) == (2, [f"flag -config, {told}"])
    environ = LOGIN | {"SECRETS_MANAGER_CONFIG": "/absent.toml"}
    assert faults([], environ) == (2, [f"environment SECRETS_MANAGER_CONFIG, {told}"])


def test_a_folder_in_place_of_the_settings_file_is_a_fault(tmp_path: Path) -> None:
    assert faults(file=tmp_path) == (2, [f"file {tmp_path}: cannot be read: Is a directory"])


# ── files of certificates ────────────────────────────────────────────────────────────────────────────


def test_a_file_without_certificates_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("canary-1", encoding="utf-8")

    assert faults([], LOGIN | {"VAULT_CACERT": str(file)}) == (
        2,
        ["environment VAULT_CACERT: file holds no certificate in PEM form"],
    )


def test_a_client_certificate_needs_its_key(tmp_path: Path) -> None:
    file = tmp_path / "pem"
    file.touch(mode=stat.S_IRUSR)

    assert faults([f"-vault.client-cert={file}"]) == (
        2,
        ["setting vault.client-key: missing: vault.client-cert is set, and one needs the other"],
    )
    assert faults([f"-vault.client-cert={file}", "-vault.client-key=/absent"]) == (
        2,
        ["flag -vault.client-key: file cannot be read: No such file or directory"],
    )


# ── no value is shown ────────────────────────────────────────────────────────────────────────────────


@given(st.sampled_from([option for option in OPTIONS if option.in_environment]), st.text(min_size=1))
def test_no_fault_repeats_the_value(option: object, noise: str) -> None:
    canary = f"Canary-{noise.replace(chr(0), '')}-5f2c"
    environ = LOGIN | {getattr(option, "environment"): canary}  # noqa: B009 - the strategy is untyped

    try:
        load([], environ, NOWHERE, system_file=NOWHERE)
    except ConfigError as error:
        hidden = str(error).replace(f"file {canary}", "")  # the name of a settings file is shown
        assert "5f2c" not in hidden
