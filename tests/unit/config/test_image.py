"""The image is made of named files only, and runs the launcher as a user without rights."""

from __future__ import annotations

import re

from tests.unit.config.manifests import ROOT, pod_spec


def _dockerfile() -> list[str]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_the_build_may_see_what_it_copies_and_nothing_else() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {line.split()[1] for line in _dockerfile() if re.match(r"COPY (?!--from)", line)}

    assert "*" in ignored
    assert copied == allowed


def test_every_step_of_the_tree_is_done_by_the_script_in_order() -> None:
    steps = [line for line in _dockerfile() if line.startswith("RUN ")]

    assert steps == [
        *(f"RUN python3 scripts/image-root {step} /image" for step in ("runtime", "dependencies", "program")),
        "RUN python3 scripts/image-sbom /image /sbom.cdx.json",
    ]


def test_the_labels_say_what_the_image_is_and_of_which_source() -> None:
    (labels,) = [line for line in _dockerfile() if line.startswith("LABEL ")]
    arguments = {line.split()[1].partition("=")[0] for line in _dockerfile() if line.startswith("ARG ")}
    named = dict(re.findall(r'org\.opencontainers\.image\.(\S+)="([^"]*)"', labels))

    assert set(named) == {
        "title",
        "description",
        "licenses",
        "version",
        "revision",
        "source",
        "created",
        "base.name",
    }
    for value in named.values():
        assert set(re.findall(r"\$\{(\w+)\}", value)) <= arguments


def test_the_last_stage_is_empty_except_for_the_tree() -> None:
    last = _dockerfile()[_dockerfile().index("FROM scratch") :]

    assert [line for line in last if line.startswith(("COPY", "RUN", "ADD"))] == [
        "COPY --from=build /image /"
    ]


def test_the_image_runs_as_the_user_that_the_pod_runs_as() -> None:
    context = pod_spec()["securityContext"]

    assert f"USER {context['runAsUser']}:{context['runAsGroup']}" in _dockerfile()
    assert 'ENTRYPOINT ["/secrets-manager"]' in _dockerfile()
