"""Threads render at once, each with values of its own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from secrets_manager.domain.errors import TemplateFailed
from secrets_manager.templates import compile_templates

THREADS = 8
TEXT = "{% for i in range(20) %}{{ user | b64encode }}{{ db.hosts | join(',') }}{{ db | tojson }}{% endfor %}"


def test_each_thread_gets_what_its_own_values_give() -> None:
    compiled = compile_templates({"a": TEXT, "b": "{{ user | fromjson }}"})
    together = threading.Barrier(THREADS)

    def render(at: int) -> None:
        values = {"user": f"u{at}", "db": {"hosts": [f"h{at}"] * 3}}
        expected = compile_templates({"a": TEXT}).render(values)["a"]
        together.wait(30)
        for _ in range(50):
            assert compile_templates({"a": TEXT}).render(values)["a"] == expected
            with pytest.raises(TemplateFailed, match=r"\[b\].*not JSON"):
                compiled.render(values)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(render, range(THREADS)))
