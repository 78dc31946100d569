"""Formats a soak: a line each minute, a table at the end, and all figures as JSON.

Pure: values in, text out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from chaos.soak.samples import Sample
from chaos.soak.verdict import Evidence, Judgement, growth


def minute(sample: Sample, faults: int) -> str:
    """One sample as a line."""
    series = "?" if sample.object_series is None else f"{sample.object_series}+{sample.other_series}"
    depth = "?" if sample.depth is None else f"{sample.depth:g}"
    clock = f"{int(sample.at) // 60:3}:{int(sample.at) % 60:02}"
    now = ", ".join(sample.faults) or "calm"
    return (
        f"{clock}  {sample.resident:6.1f} MiB  {sample.threads:3} threads  {sample.descriptors:3} descriptors"
        f"  {series:>9} series  {depth:>3} wait  {faults:3} faults so far  {now}"
    )


def table(judgements: Sequence[Judgement], evidence: Evidence, spells: Counter[str]) -> str:
    """Everything that was found."""
    width = max(len(each.what) for each in judgements)
    lines = ["", f"faults: {spells.total()} of {len(spells)} kinds"]
    lines += [f"  {count:3} x {name}" for name, count in sorted(spells.items())]
    lines += ["", "messages of the log:"]
    lines += [
        f"  {count:6} x {level:5} {message}"
        for (level, message), count in evidence.logbook.messages.most_common(20)
    ]
    lines += [""]
    lines += [
        f"{'good' if each.good else 'BAD ':4}  {each.what.ljust(width)}  {each.seen}" for each in judgements
    ]
    lines += [f"      {error}" for error in evidence.logbook.errors]
    return "\n".join(lines)


def figures(
    evidence: Evidence, judgements: Sequence[Judgement], spells: Counter[str]
) -> Mapping[str, object]:
    """The same for machines."""
    return {
        "growth": growth(evidence.samples),
        "faults": dict(spells),
        "judgements": [asdict(each) for each in judgements],
        "samples": [asdict(each) for each in evidence.samples],
    }
