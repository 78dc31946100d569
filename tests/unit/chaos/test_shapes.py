"""Definitions of all shapes ask for the same data."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.shapes import Shape, data_of, shape_of
from tests.unit.sync.world import World

VALUES = {"one": "1", "two": "2", "canary": "c"}


def made(data: dict[str, Any]) -> World:
    world = World()
    world.backend.put("app", VALUES)
    world.define(spec={"name": "app", **data})
    return world.start()


@pytest.mark.parametrize("shape", Shape)
def test_a_secret_of_any_shape_has_the_same_data(shape: Shape) -> None:
    assert made(data_of(shape, "app", tuple(VALUES))).data() == VALUES


@pytest.mark.parametrize("shape", Shape)
def test_a_definition_of_any_shape_can_be_broken_and_repaired(shape: Shape) -> None:
    broken = data_of(shape, "app", tuple(VALUES), first="none")
    world = made(broken)
    assert world.condition()[0] == "False"
    assert world.secret() is None

    # As a merge patch does it, which replaces lists and merges maps.
    whole = data_of(shape, "app", tuple(VALUES))
    mended = {
        name: {**broken[name], **part} if isinstance(part, dict) else part for name, part in whole.items()
    }
    assert made(mended).data() == VALUES


def test_all_shapes_come_in_turn() -> None:
    assert {shape_of(number) for number in range(len(Shape))} == set(Shape)
