"""Placeholders in other kinds than Secret are refused, each field with what to do."""

from __future__ import annotations

import pytest

from secrets_manager.migrate.originals import Json
from secrets_manager.migrate.remarks import Verdict
from tests.unit.migrate.objects import plan_of

FILLED = "<path:secret/data/a#key>"


def of_kind(kind: str, **body: Json) -> Json:
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "a", "namespace": "shop"}, **body}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (of_kind("ConfigMap", data={"a": FILLED}), ["data.a has a placeholder; make a Secret of it"]),
        (
            of_kind("Deployment", spec={"env": [{"value": FILLED}, {"value": f"a{FILLED}"}]}),
            [
                "spec.env[0].value has a placeholder; put the value into a Secret by a definition, and",
                "spec.env[1].value has a placeholder; put the value into a Secret by a definition, and",
            ],
        ),
        (
            of_kind("Ingress", spec={"host": FILLED}),
            ["spec.host has a placeholder; write it out where it is"],
        ),
        (
            of_kind("Own", spec={"args": [FILLED]}),
            ["spec.args[0] has a placeholder; write it out where it is"],
        ),
        (
            {**of_kind("Secret", stringData={"a": FILLED}), "apiVersion": "own.test/v1"},
            ["stringData.a has a"],
        ),
    ],
)
def test_each_field_is_named_with_what_to_do(body: Json, said: list[str]) -> None:
    (report,) = plan_of(body).reports

    assert report.verdict is Verdict.REFUSED
    assert len(report.remarks) == len(said)
    for remark, beginning in zip(report.remarks, said, strict=True):
        assert str(remark).startswith(beginning)


def test_nothing_is_made_of_them() -> None:
    made = plan_of(of_kind("ConfigMap", data={"a": FILLED}))

    assert (made.definitions, made.backends, made.rules) == ((), {}, ())
