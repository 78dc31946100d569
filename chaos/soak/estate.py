"""The definitions and values of a soak, on the servers and in motion: values rise, definitions come and go,
some turn bad and good again.

Whatever the weather does to the servers: a change that fails is made up for by a later one.
"""

from __future__ import annotations

import base64
import itertools
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import urllib3

from chaos.soak.faults import Stage
from chaos.soak.layout import Json, Plot, Sort, layout, manifest, paths, source_path, wanted
from chaos.tide import Tide
from chaos.witness import Judge
from tests.testbed.kube_api import ApiError, KubeApi, definitions, secrets
from tests.testbed.openbao import BaoError, OpenBao

CANARY = "Canary!soak!6f1c2d9e4b"
_CHURN = "churn-"
_FOREIGN = {"one": "0", "two": "0"}
_TROUBLES = (ApiError, BaoError, OSError, ValueError, urllib3.exceptions.HTTPError)


class Swell(Tide):
    """Raises the numbers of some paths at a time, whatever the servers do."""

    def __init__(self, openbao: OpenBao, prefix: str, paths: Sequence[str], chance: random.Random) -> None:
        super().__init__(openbao, prefix, 0, 1.0)
        self.paths = [f"{prefix}/{path}" for path in paths]
        self._chance = chance

    def write(self, path: str, level: int) -> None:
        """Write a number to one path, besides what never changes."""
        self._openbao.write_kv2(path, values(level))

    def turn(self) -> None:
        """Raise every eighth path, the choice being random."""
        self.level += 1
        for path in self._chance.sample(self.paths, max(1, len(self.paths) // 8)):
            with suppress(*_TROUBLES):
                self.write(path, self.level)


class Gardener:
    """Makes and deletes definitions, and breaks and mends some, every `pause` seconds from start to stop."""

    def __init__(self, estate: Estate, chance: random.Random, *, pause: float, standing: int) -> None:
        self.made = 0
        self._estate = estate
        self._chance = chance
        self._pause = pause
        self._standing = standing
        self._alive: list[Plot] = []
        self._broken: list[Plot] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gardener", daemon=True)

    def start(self) -> None:
        """Go on in the background."""
        self._thread.start()

    def stop(self) -> None:
        """Stop where it is; fine when it never started."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(60)

    def tidy(self) -> None:
        """Mend what is broken and delete what came; the servers must be well."""
        for plot in self._broken:
            self._estate.mend(plot)
        self._estate.clear_churn()

    def _run(self) -> None:
        while not self._stop.wait(self._pause):
            for deed in (self._plant, self._weed, self._break_or_mend):
                with suppress(*_TROUBLES):
                    deed()

    def _plant(self) -> None:
        plot = Plot(name=f"{_CHURN}{self.made:06d}", path=f"{_CHURN}{self.made:06d}")
        self.made += 1
        # Known before it is made: the answer may get lost.
        self._alive.append(plot)
        self._estate.plant(plot)

    def _weed(self) -> None:
        if len(self._alive) > self._standing:
            self._estate.weed(self._alive[0])
            self._alive.pop(0)

    def _break_or_mend(self) -> None:
        if self._broken and self._chance.random() < 0.5:
            self._estate.mend(self._broken[0])
            self._broken.pop(0)
            return
        plot = self._chance.choice(self._estate.healthy)
        self._broken.append(plot)
        self._estate.spoil(plot)


class Estate:
    """What is on the servers for a soak, in one namespace and below one prefix of the backend."""

    def __init__(self, stage: Stage, namespace: str, count: int, judge: Judge) -> None:
        self.namespace = namespace
        self.plots = layout(count)
        self.healthy = [plot for plot in self.plots if plot.sort is Sort.HEALTHY]
        self._api = stage.cluster.api
        self._openbao = stage.openbao
        self._judge = judge

    def living(self) -> set[str]:
        """What series may be about: the Secrets and the paths of what stays."""
        sources = {source_path(plot, self.namespace) for plot in self.plots}
        return sources | {plot.name for plot in self.plots}

    def seed(self) -> None:
        """Put everything there, before anybody is disturbed."""
        for path in paths(self.plots):
            self._openbao.write_kv2(f"{self.namespace}/{path}", values(1))
        for plot in self.plots:
            if plot.sort is Sort.FOREIGN:
                self._api.post(secrets(self.namespace), _secret(plot.name, _FOREIGN))
            self._api.post(definitions(self.namespace), manifest(plot, self.namespace))

    def plant(self, plot: Plot) -> None:
        """A definition more, with a path of its own."""
        self._openbao.write_kv2(f"{self.namespace}/{plot.path}", values(1))
        self._api.post(definitions(self.namespace), manifest(plot, self.namespace))

    def weed(self, plot: Plot) -> None:
        """Delete it; its Secret goes with it."""
        self._judge.doom(plot.name)
        _delete(self._api, definitions(self.namespace, plot.name))
        self._openbao.purge_kv2(f"{self.namespace}/{plot.path}")

    def clear_churn(self) -> None:
        """Delete every definition that was planted."""
        for found in self._api.list(definitions(self.namespace)):
            name = found["metadata"]["name"]
            if name.startswith(_CHURN):
                self.weed(Plot(name=name, path=name))

    def spoil(self, plot: Plot) -> None:
        """Let a definition name a key that is not there: its Secret stays as it is."""
        self._apply(plot, key="none")

    def mend(self, plot: Plot) -> None:
        """Let it name the right key again."""
        self._apply(plot)

    def amiss(self, level: int) -> list[str]:
        """Which Secrets are not what the definitions say, all paths being at this level; [] when all are."""
        found = {each["metadata"]["name"]: _data(each) for each in self._api.list(secrets(self.namespace))}
        foreign = {plot.name: _FOREIGN for plot in self.plots if plot.sort is Sort.FOREIGN}
        return differences(found, {**wanted(self.plots, values(level)), **foreign})

    def left_over(self) -> list[str]:
        """Definitions that should be gone and are not."""
        known = {plot.name for plot in self.plots}
        here = (each["metadata"]["name"] for each in self._api.list(definitions(self.namespace)))
        return [name for name in here if name not in known]

    def _apply(self, plot: Plot, *, key: str = "") -> None:
        spec = manifest(plot, self.namespace, key=key)["spec"]
        self._api.patch(definitions(self.namespace, plot.name), {"spec": spec})


def values(level: int) -> dict[str, str]:
    """What a path holds at a level."""
    return {"one": str(level), "two": str(level), "canary": CANARY}


def differences(found: dict[str, dict[str, str]], expected: dict[str, object]) -> list[str]:
    """Names that are missing, too many, or hold something else, each with which of these; no value."""
    names = itertools.chain(expected, (name for name in found if name not in expected))
    told = ((name, _difference(found.get(name), expected.get(name))) for name in names)
    return [f"{name}: {difference}" for name, difference in told if difference]


@contextmanager
def in_motion(swell: Swell, gardener: Gardener) -> Iterator[None]:
    """Values rise and definitions come and go while this lasts."""
    swell.start()
    gardener.start()
    try:
        yield
    finally:
        gardener.stop()
        swell.stop()


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
