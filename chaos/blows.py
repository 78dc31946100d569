"""Blows to a leader and their measurements: one function per kind of blow."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass

from chaos.replicas import Replicas, seconds_until_exit
from chaos.witness import Witness

_FIRST_WRITE_SECONDS = 60.0
_EXIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """One blow. ``seconds`` is the time from it to the first write under a new leader, or to the exit."""

    kind: str
    seconds: float
    exit_code: int


def terminate(replicas: Replicas, witness: Witness) -> Blow:
    """SIGTERM to the leader: it hands over."""
    return _strike(replicas, witness, signal.SIGTERM)


def kill(replicas: Replicas, witness: Witness) -> Blow:
    """SIGKILL to the leader: a standby has to find out."""
    return _strike(replicas, witness, signal.SIGKILL)


def pause(replicas: Replicas, seconds: float) -> Blow:
    """SIGSTOP to the leader, SIGCONT after ``seconds``: it must not write, and ends itself if it lost the
    Lease.

    A pause that the Lease outlasts costs nothing: the replica leads on.
    """
    leader, holder = replicas.leader(), replicas.holder()
    leader.process.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    lost = replicas.holder() != holder
    leader.process.send_signal(signal.SIGCONT)
    took = seconds_until_exit(leader, at_most=_EXIT_SECONDS)
    if took is None:
        assert not lost, "a replica that lost its Lease goes on"
        return Blow(kind="pause outlasted", seconds=0.0, exit_code=0)
    return Blow(kind="pause", seconds=took, exit_code=replicas.take_ended(leader))


def _strike(replicas: Replicas, witness: Witness, number: signal.Signals) -> Blow:
    leader, holder = replicas.leader(), replicas.holder()
    began = time.monotonic()
    leader.process.send_signal(number)
    replicas.wait_for_holder(other_than=holder)
    while replicas.holder() == "":
        time.sleep(0.02)
    assert witness.wait_for_write(_FIRST_WRITE_SECONDS), "no write under the new leader"
    seconds = time.monotonic() - began
    return Blow(kind=number.name, seconds=seconds, exit_code=replicas.take_ended(leader))
