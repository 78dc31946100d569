"""The samples are right by the product's own rules, and the values beside them are enough to run them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from secrets_manager.domain.decoding import Encoding, decode
from secrets_manager.domain.definition import OPAQUE, DataSource, SecretSpec
from tests.unit.config.manifests import SAMPLES, Manifest, one, resources

SOURCES = [path for path, _ in resources(SAMPLES)]


def _values() -> dict[str, dict[str, str]]:
    values: dict[str, dict[str, str]] = json.loads((SAMPLES / "values.json").read_text(encoding="utf-8"))
    return values


def _spec(path: Path) -> SecretSpec:
    spec: Manifest = one(str(path.relative_to(SAMPLES.parent)))["spec"]
    keys = {
        name: DataSource(path=each["path"], key=each["key"], encoding=Encoding(each.get("encoding", "")))
        for name, each in spec["keysMap"].items()
    }
    return SecretSpec(secret_name=spec["name"], secret_type=spec.get("type", OPAQUE), keys=keys)


def _data(path: Path) -> dict[str, bytes]:
    values = _values()
    return {
        name: decode(values[source.path][source.key or "data"], source.encoding)
        for name, source in _spec(path).keys.items()
    }


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_each_sample_can_be_made_of_the_values(path: Path) -> None:
    data = _data(path)

    assert data
    assert all(data.values())


def test_every_value_is_used_by_a_sample() -> None:
    used = {(each.path, each.key or "data") for path in SOURCES for each in _spec(path).keys.values()}

    assert used == {(path, key) for path, keys in _values().items() for key in keys}


def test_the_binary_sample_is_no_text() -> None:
    with pytest.raises(UnicodeDecodeError):
        _data(SAMPLES / "binary-keystore.yaml")["keystore.p12"].decode()


def test_the_image_pull_sample_is_the_document_that_kubernetes_asks_for() -> None:
    document = json.loads(_data(SAMPLES / "image-pull.yaml")[".dockerconfigjson"])

    assert set(document) == {"auths"}


def test_no_value_could_be_taken_for_a_real_one() -> None:
    for path, keys in _values().items():
        for key, value in keys.items():
            plain = decode(value, Encoding.BASE64).decode("latin-1") if key == "file" else value
            assert "example" in plain, (path, key)


def test_the_policy_allows_every_path_of_the_samples_and_only_to_read() -> None:
    policy = (SAMPLES / "vault-policy.hcl").read_text(encoding="utf-8")
    trees = re.findall(r'^path "(.+)\*" \{$', policy, flags=re.MULTILINE)

    assert all(any(path.startswith(tree) for tree in trees) for path in _values())
    assert set(re.findall(r"capabilities = (.+)", policy)) == {'["read"]'}


def test_the_list_of_samples_is_complete() -> None:
    text = (SAMPLES / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(.+?)`", text, flags=re.MULTILINE))

    assert listed == {
        *(str(path.relative_to(SAMPLES)) for path in SOURCES),
        "vault-policy.hcl",
        "values.json",
    }
