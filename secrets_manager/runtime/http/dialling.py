"""Connects within the time of the call, the name look-up and every address of the host included.

The C library looks names up for as long as its own settings say, half a minute and more while a name server
is away, and nothing can interrupt it. So a look-up runs on a thread of its own, and a call that has no time
left leaves it. A name is looked up once at a time, however many calls wait for it, so a name server that is
away holds one thread for each host and no more. A look-up that lasts longer than any should hangs in the
library, perhaps for ever: another one is begun beside it.

HTTP libraries allow the time of a connect for each address of a host; here all of them share it: each gets
its part of what is left, so that one that is silent leaves time for the next. TLS and the way through a proxy
belong to connecting: nothing of the request was sent yet, so it may go on at another address.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from secrets_manager.runtime.deadline import current_deadline
from secrets_manager.runtime.http.address_order import AddressOrder, Spot, Trouble
from secrets_manager.runtime.terms import Deadline

_LOOK_UP_SECONDS = 5.0
_LEAST_SECONDS = 0.01
# Three name servers, asked twice for each of six domains and both families, take this long to be away.
_HUNG_SECONDS = 600.0


class NameService:
    """Looks up host names, each once at a time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # With the time at which each look-up counts as hung.
        self._running: dict[tuple[str, int], tuple[Future[list[str]], float]] = {}

    def addresses(self, host: str, port: int, seconds: float) -> list[str]:
        """The addresses of ``host``, in the order to try them.

        Raises TimeoutError after ``seconds``, socket.gaierror when the name is not known.
        """
        if _is_address(host):
            return [host]
        with self._lock:
            now = self._clock()
            answer, hung_at = self._running.get((host, port), (None, now))
            if answer is None or now >= hung_at:
                answer = Future()
                looking_up = partial(self._look_up, host, port, answer)
                threading.Thread(target=looking_up, name="name look-up", daemon=True).start()
                self._running[host, port] = answer, now + _HUNG_SECONDS
        return answer.result(max(seconds, 0.0))

    def _look_up(self, host: str, port: int, answer: Future[list[str]]) -> None:
        try:
            found = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
        except BaseException as error:  # noqa: BLE001 - passed to the waiting threads
            self._end(host, port, answer)
            answer.set_exception(error)
            return
        self._end(host, port, answer)
        answer.set_result(list(dict.fromkeys(str(each[4][0]) for each in found)))

    def _end(self, host: str, port: int, answer: Future[list[str]]) -> None:
        with self._lock:
            # One that hung and ends after all leaves a later one in its place.
            if self._running.get((host, port), (None, 0.0))[0] is answer:
                del self._running[host, port]


class Dial:
    """The addresses that one call tries, one after the other, until ``deadline``."""

    def __init__(self, spots: list[Spot], deadline: Deadline) -> None:
        self._untried = list(reversed(spots))
        self._deadline = deadline
        self._began = False
        self._is_choice = len(spots) > 1
        self.spot: Spot | None = None

    def goes_on(self) -> bool:
        """Whether there is an address to try, and time for it; the first is tried in any case."""
        return bool(self._untried) and (not self._began or self._deadline.left() > 0)

    def next(self) -> tuple[str, float]:
        """The next address, and the seconds that connecting to it may take."""
        share = self._deadline.left() / len(self._untried)
        self._began = True
        self.spot = self._untried.pop()
        return self.spot.address, max(_LEAST_SECONDS, share)

    def failed(self, trouble: Trouble) -> None:
        """Try this address last from now on, if there are others."""
        if self._is_choice and self.spot is not None:
            order.failed(self.spot, trouble)

    def answered(self) -> None:
        """There is nothing wrong with this address."""
        if self._is_choice and self.spot is not None:
            order.answered(self.spot)


class DiallingConnection(HTTPConnection):
    """Tries one address of its host after the other, while the call of this thread has time."""

    _dial: Dial | None = None

    def begin_dial(self) -> None:
        """Begin with the first address again, at the next try to connect."""
        self._dial = None

    def may_dial_on(self) -> bool:
        """Whether another address can be tried; this one is then tried last in future."""
        if self._dial is None:
            return False
        self._dial.failed(Trouble.SILENT)
        return self._dial.goes_on()

    def ended(self, *, answered: bool) -> None:
        """Take note of what became of a call on this connection."""
        if self._dial is None:
            return
        if answered:
            self._dial.answered()
        else:
            self._dial.failed(Trouble.SILENT)

    def _new_conn(self) -> socket.socket:
        host, timeout = self._dns_host, self.timeout
        dial = self._dial = self._dial or self._new_dial()
        failure: NewConnectionError | ConnectTimeoutError = NewConnectionError(self, "no address")
        try:
            while dial.goes_on():
                self._dns_host, self.timeout = dial.next()
                try:
                    return super()._new_conn()
                except (NewConnectionError, ConnectTimeoutError) as error:
                    dial.failed(Trouble.NO_CONNECTION)
                    failure = error
        finally:
            # The certificate and the Host header need the name again.
            self._dns_host, self.timeout = host, timeout
        raise failure

    def _new_dial(self) -> Dial:
        deadline = current_deadline() or Deadline.within(_LOOK_UP_SECONDS)
        host, port = self._dns_host, self.port
        spots = order.sorted(Spot(host, port, address) for address in self._addresses(deadline.left()))
        timeout = self.timeout
        return Dial(spots, deadline.sooner(timeout) if isinstance(timeout, (int, float)) else deadline)

    def _addresses(self, seconds: float) -> list[str]:
        try:
            return names.addresses(self._dns_host, self.port, seconds)
        except TimeoutError:
            raise ConnectTimeoutError(self, "the name was not looked up in time") from None
        except RuntimeError:
            raise NewConnectionError(self, "no thread to look the name up") from None
        except socket.gaierror as error:
            raise NameResolutionError(self._dns_host, self, error) from None
        except UnicodeError:
            raise NewConnectionError(self, "no name that can be looked up") from None


def _is_address(host: str) -> bool:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host.strip("[]"))
        return True
    return False


names = NameService()
order = AddressOrder()
