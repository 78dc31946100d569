"""Texts that want to take time, memory or the stack, run as a program of its own with little of each.

    python -m tests.unit.templates.attacks

Each must end in bytes or in an error of ours. The program prints the first that does not; a text that takes
more than it may ends the whole program.
"""

from __future__ import annotations

import resource
import sys
import threading

from secrets_manager.domain.errors import InvalidTemplate, TemplateFailed
from secrets_manager.templates import compile_templates

MEBI = 2**20
# Over what the program itself has: the values, twice, and what one rendering may make.
MEMORY = 192 * MEBI
STACK = 512 * 1024

_BIG = "a" * MEBI
_DEEP: list[object] = []
for _ in range(400):
    _DEEP = [_DEEP]
VALUES: dict[str, object] = {
    "big": _BIG,
    "other": _BIG[:-1] + "b",
    "long": [1] * 100_000,
    "texts": ["x" * 100] * 10_000,
    "map": {f"k{at}": at for at in range(50_000)},
    "nulls": dict.fromkeys(map(str, range(50_000))),
    "deep": _DEEP,
    "json": "[" * 300 + "]" * 300,
    "pairs": {"a": {"b": {"c": _BIG}}},
}

# Done over and over.
STEPS = [
    *("{{ big }}", "{{ 'x' * 1000000000 }}", "{% set x = big %}", "{% set x = big ~ big %}", "y" * 60_000),
    *("{% if big == other %}{% endif %}", "{% if big is startingwith(other) %}{% endif %}"),
    *("{% if other in big %}{% endif %}", "{{ big[1000000] }}", "{% set x = big[::-1] %}"),
    *("{% set x = {'k': 1}[big] is defined %}", "{% set x = [big, big] == [other, other] %}"),
    *("{% if pairs.a.b.c == big %}{% endif %}", "{% set x = map | tojson %}", "{% set x = map | toyaml %}"),
    *("{% if map %}{% endif %}", "{% if nulls %}{% endif %}", "{% if map == map %}{% endif %}"),
    *(
        "{% for x in map %}{% break %}{% endfor %}",
        "{% set x = map | items %}",
        "{% set x = map | dictsort %}",
    ),
    *("{% if long == long %}{% endif %}", "{% if 2 in long %}{% endif %}", "{% for x in long %}{% endfor %}"),
    *("{% set x = long[1:] %}", "{% set x = long | sort %}", "{% set x = long | unique %}"),
    *(
        "{% set x = big | replace('', 'b') %}",
        "{% set x = big | split('a') %}",
        "{% set x = big | b64encode %}",
    ),
    *("{% set x = '%.3s' | format(big) %}", "{% set x = big | int(0) %}", "{% set x = big | urlencode %}"),
    *("{% set x = json | fromjson %}", "{% set x = range(10000) %}", "{% set x = texts | join(big) %}"),
]
_TRIPLES = [
    "{% set a = [s, s, s] %}{% set b = [t, t, t] %}",
    "{% for i in range(9999) %}{% if a == b %}{% endif %}{% endfor %}",
]
# Done once.
TEXTS = [
    "{{big}}" * 9_000,
    "{{pairs.a.b.c}}" * 4_000 + "{{ long }}",
    "{{ big | replace('a', big) }}",
    "{{ long | join(big) }}",
    "{{ big | indent(100000000) }}",
    "{{ texts | tojson(indent=8) }}{{ [[[[1]]]] | tojson(indent=100000000) }}",
    "{{ '%100000000d' | format(1) }}",
    "{{ '%.100000000f' | format(1.5) }}",
    "{{ 1.5 | round(2000000000) }}{{ 1 // 0 }}",
    "{{ (-170141183460469231731687303715884105727 - 1) // -1 }}",
    "{{ -9223372036854775808 // -1 }}{{ -9223372036854775808 % -1 }}{{ 1e308 + 1e308 }}",
    "{{ range(100000000000000000000000000000) }}{{ range(0, -100000000, -1) }}",
    "{{ deep | tojson }}{{ deep == deep }}{{ deep in deep }}{{ [deep, deep] | sort }}",
    "{{ json | fromjson | tojson }}",
    "{% set a = big %}" + "{% set a = a ~ a %}" * 40,
    "{% set a = big %}" + "{% set a = a + a %}" * 10,
    "{% set a = big %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40,
    "{% set a = [1] %}{% set b = [1] %}" + "{% set a = [a, a] %}{% set b = [b, b] %}" * 40 + "{{ a == b }}",
    "{% set a = long %}{% set b = long %}" + "{% set a = [a, a, a] %}{% set b = [b, b, b] %}{{ a == b }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 40 + "{{ a }}",
    "{% set s = range(500) | sort %}{% set t = range(500) | sort %}" + "".join(_TRIPLES),
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 3 + "{{ a == a }}{{ a | tojson }}",
    "{% set a = long %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "{% set a = long %}" + "{% set a = a + a %}" * 3 + "{{ a == a }}{{ a | length }}{{ a | tojson }}",
    "{% for a in [[1, 1]] %}" * 20 + "{% for a in [[a, a]] %}" * 3 + "{{ a }}" + "{% endfor %}" * 23,
    "{% set a = ['" + "x" * 9000 + "'] %}" + "{% filter upper %}{{ big }}" * 30 + "{% endfilter %}" * 30,
    "{{ " + "[long, long, long]," * 60 + " 1 }}",
    "{{ [" + "long," * 200 + "] == [" + "long," * 40 + "] }}",
]
# Signs of one kind, so many that the reader of the syntax would run out of stack.
CHAINS = [
    (before + sign * count + after, count)
    for before, sign, after in [
        ("{{ ", "not ", "1 }}"),
        ("{{ ", "-", "1 }}"),
        ("{{ 1", "~1", " }}"),
        ("{{ 1", " and 1", " }}"),
        ("{{ 1", "/1", " }}"),
        ("{{ a", ".a", " }}"),
        ("{{ a", "[1:]", " }}"),
        ("{{ a", "[a", "]" * 30 + " }}"),
        ("{{ 1", "|string", " }}"),
        ("{{ 1", " is defined", " }}"),
        ("{{ ", "1 if 1 else ", "1 }}"),
        ("{{ 1", " == 1", " }}"),
        ("{{ ", "(", "1" + ")" * 30 + " }}"),
        ("{{ ", "[", "1" + "]" * 30 + " }}"),
        ("{{ ", "{'a':", "1" + "}" * 30 + " }}"),
        ("{% filter upper", "|upper", " %}{% endfilter %}"),
        ("{% if 1 %}", "{% elif 1 %}", "{% endif %}"),
        ("", "{% if 1 %}", "{% endif %}" * 30),
        ("", "{% if 1 %}{% else %}", "{% endif %}" * 30),
        ("", "{% for x in [1] %}", "{% endfor %}" * 30),
        ("", "{% set a = 1 %}", ""),
        ("", "{% set a %}", "{% endset %}" * 30),
        ("{{ '", "\\", "' }}"),
        ("", "{", ""),
        ("", "{#", ""),
        ("", "{% raw %}", ""),
    ]
    for count in (30, 90, 240, 490, 5_000, 50_000)
]
# What each limit leaves, all at once.
DEEPEST = (
    ("{% if " + "-" * 450 + "1 %}" + ("{% elif " + "-" * 450 + "1 %}") * 3) * 32 + "x" + "{% endif %}" * 32
)
ATTACKS = [
    *("{% for i in range(10000) %}" + step + "{% endfor %}" for step in STEPS),
    *TEXTS,
    *(text for text, _ in CHAINS if len(text) < 70_000),
    DEEPEST,
]


def _run() -> None:
    for text in ATTACKS:
        try:
            compile_templates({"k": text}).render(VALUES)
        except (InvalidTemplate, TemplateFailed):
            continue


def _main() -> None:
    # MiniJinja is loaded, and each thread's environment made.
    compile_templates({"k": "{{ 1 + 1 }}"}).render({})
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - one line
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    threading.stack_size(STACK)
    failures: list[BaseException] = []
    threading.excepthook = lambda failed: failures.append(failed.exc_value or SystemExit())
    thread = threading.Thread(target=_run)
    thread.start()
    thread.join()
    if failures:
        sys.exit(f"{type(failures[0]).__name__} got out")
    print(f"{len(ATTACKS)} held")  # noqa: T201 - the answer


if __name__ == "__main__":
    _main()
