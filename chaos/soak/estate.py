"""The definitions and values of a soak, on the servers and in motion: values rise, definitions come and go,
some turn bad and good again.

A change that fails under a fault is made up for by a later one.
"""

from __future__ import annotations

import base64
import itertools
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import urllib3

from chaos.rising_values import RisingValues
from chaos.shapes import Json
from chaos.soak.faults import Stage
from chaos.soak.layout import PlannedDefinition, Sort, layout, manifest, paths, source_path, wanted
from chaos.witness import Judge
from tests.testbed.kube_api import ApiError, KubeApi, definitions, secrets
from tests.testbed.openbao import BaoError, OpenBao

CANARY = "Canary!soak!6f1c2d9e4b"
_CHURN = "churn-"
_FOREIGN = {"one": "0", "two": "0"}
_TROUBLES = (ApiError, BaoError, OSError, ValueError, urllib3.exceptions.HTTPError)


class RandomRises(RisingValues):
    """Raises the numbers of some paths at a time, whatever the servers do."""

    def __init__(self, openbao: OpenBao, prefix: str, paths: Sequence[str], rng: random.Random) -> None:
        super().__init__(openbao, prefix, 0, 1.0)
        self.paths = [f"{prefix}/{path}" for path in paths]
        self._rng = rng

    def write(self, path: str, level: int) -> None:
        """Write a number to one path, beside the value that never changes."""
        self._openbao.write_kv2(path, values(level))

    def turn(self) -> None:
        """Raise every eighth path, the choice being random."""
        self.level += 1
        for path in self._rng.sample(self.paths, max(1, len(self.paths) // 8)):
            with suppress(*_TROUBLES):
                self.write(path, self.level)


class Churn:
    """Makes, deletes, breaks and repairs definitions, every `pause` seconds from start to stop."""

    def __init__(self, estate: Estate, rng: random.Random, *, pause: float, standing: int) -> None:
        self.made = 0
        self._estate = estate
        self._rng = rng
        self._pause = pause
        self._standing = standing
        self._alive: list[PlannedDefinition] = []
        self._broken: list[PlannedDefinition] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="churn", daemon=True)

    def start(self) -> None:
        """Go on in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop where it is; fine when it never started."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(60)

    def clean_up(self) -> None:
        """Repair broken definitions and delete added ones; the servers must be well."""
        for item in self._broken:
            self._estate.repair(item)
        self._estate.clear_added()

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            for deed in (self._add, self._remove, self._break_or_repair):
                with suppress(*_TROUBLES):
                    deed()

    def _add(self) -> None:
        item = PlannedDefinition(name=f"{_CHURN}{self.made:06d}", path=f"{_CHURN}{self.made:06d}")
        self.made += 1
        # Known before it is made: the answer may get lost.
        self._alive.append(item)
        self._estate.add(item)

    def _remove(self) -> None:
        if len(self._alive) > self._standing:
            self._estate.remove(self._alive[0])
            self._alive.pop(0)

    def _break_or_repair(self) -> None:
        if self._broken and self._rng.random() < 0.5:
            self._estate.repair(self._broken[0])
            self._broken.pop(0)
            return
        item = self._rng.choice(self._estate.healthy)
        self._broken.append(item)
        self._estate.break_key(item)


class Estate:
    """The objects and values of a soak, in one namespace and below one prefix of the backend."""

    def __init__(self, stage: Stage, namespace: str, count: int, judge: Judge) -> None:
        self.namespace = namespace
        self.planned = layout(count)
        self.healthy = [item for item in self.planned if item.sort is Sort.HEALTHY]
        self._api = stage.cluster.api
        self._openbao = stage.openbao
        self._judge = judge

    def living(self) -> set[str]:
        """The names that series may have: the Secrets and the paths of the definitions that stay."""
        sources = {source_path(item, self.namespace) for item in self.planned}
        return sources | {item.name for item in self.planned}

    def seed(self) -> None:
        """Put everything there, before the first fault."""
        for path in paths(self.planned):
            self._openbao.write_kv2(f"{self.namespace}/{path}", values(1))
        for item in self.planned:
            if item.sort is Sort.FOREIGN:
                self._api.post(secrets(self.namespace), _secret(item.name, _FOREIGN))
            self._api.post(definitions(self.namespace), manifest(item, self.namespace))

    def add(self, item: PlannedDefinition) -> None:
        """A definition more, with a path of its own."""
        self._openbao.write_kv2(f"{self.namespace}/{item.path}", values(1))
        self._api.post(definitions(self.namespace), manifest(item, self.namespace))

    def remove(self, item: PlannedDefinition) -> None:
        """Delete it; its Secret goes with it."""
        self._judge.expect_deletion(item.name)
        _delete(self._api, definitions(self.namespace, item.name))
        self._openbao.purge_kv2(f"{self.namespace}/{item.path}")

    def clear_added(self) -> None:
        """Delete every definition that was added."""
        for found in self._api.list(definitions(self.namespace)):
            name = found["metadata"]["name"]
            if name.startswith(_CHURN):
                self.remove(PlannedDefinition(name=name, path=name))

    def break_key(self, item: PlannedDefinition) -> None:
        """Let a definition name a key that is not there: its Secret stays as it is."""
        self._apply(item, key="none")

    def repair(self, item: PlannedDefinition) -> None:
        """Let it name the right key again."""
        self._apply(item)

    def amiss(self, level: int) -> list[str]:
        """Which Secrets are not what the definitions say, all paths being at this level; [] when all are."""
        found = {each["metadata"]["name"]: _data(each) for each in self._api.list(secrets(self.namespace))}
        foreign = {item.name: _FOREIGN for item in self.planned if item.sort is Sort.FOREIGN}
        return differences(found, {**wanted(self.planned, values(level)), **foreign})

    def left_over(self) -> list[str]:
        """Definitions that should be gone and are not."""
        known = {item.name for item in self.planned}
        here = (each["metadata"]["name"] for each in self._api.list(definitions(self.namespace)))
        return [name for name in here if name not in known]

    def _apply(self, item: PlannedDefinition, *, key: str = "") -> None:
        spec = manifest(item, self.namespace, key=key)["spec"]
        self._api.patch(definitions(self.namespace, item.name), {"spec": spec})


def values(level: int) -> dict[str, str]:
    """The values of a path at a level."""
    return {"one": str(level), "two": str(level), "canary": CANARY}


def differences(found: dict[str, dict[str, str]], expected: dict[str, object]) -> list[str]:
    """Names that are missing, too many, or hold something else, each with which of these; no value."""
    names = itertools.chain(expected, (name for name in found if name not in expected))
    differing = ((name, _difference(found.get(name), expected.get(name))) for name in names)
    return [f"{name}: {difference}" for name, difference in differing if difference]


@contextmanager
def in_motion(rises: RandomRises, churn: Churn) -> Iterator[None]:
    """Values rise and definitions come and go while this lasts."""
    rises.start()
    churn.start()
    try:
        yield
    finally:
        churn.stop()
        rises.stop()


def _difference(found: object, expected: object) -> str:
    if expected is None:
        return "should not be there"
    if found is None:
        return "missing"
    return "" if found == expected else "not what its definition says"


def _delete(api: KubeApi, path: str) -> None:
    try:
        api.delete(path)
    except ApiError as error:
        if error.status != 404:
            raise


def _data(secret: Json) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in (secret.get("data") or {}).items()}


def _secret(name: str, data: dict[str, str]) -> Json:
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {"metadata": {"name": name}, "data": encoded}
