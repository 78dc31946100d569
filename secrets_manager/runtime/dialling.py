"""Connects within the time of the call, the name look-up and every address of the host included.

The C library looks names up for as long as its own settings say, half a minute and more while a name server
is away, and nothing can interrupt it. So a look-up runs on a thread of its own, and whoever has no time left
goes without it. A name is looked up once at a time, however many calls wait for it, so a name server that is
away holds one thread for each host and no more.

HTTP libraries allow the time of a connect for each address of a host; here all of them share the call's.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from concurrent.futures import Future
from functools import partial

from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from secrets_manager.runtime.deadline import current_remaining

_LOOK_UP_SECONDS = 5.0
_LEAST_SECONDS = 0.01


class NameService:
    """Looks up host names, each once at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[tuple[str, int], Future[list[str]]] = {}

    def addresses(self, host: str, port: int, seconds: float) -> list[str]:
        """The addresses of ``host``, in the order to try them.

        Raises TimeoutError after ``seconds``, socket.gaierror when the name is not known.
        """
        if _is_address(host):
            return [host]
        with self._lock:
            answer = self._running.get((host, port))
            if answer is None:
                answer = Future()
                looking_up = partial(self._look_up, host, port, answer)
                threading.Thread(target=looking_up, name="name look-up", daemon=True).start()
                self._running[host, port] = answer
        return answer.result(max(seconds, 0.0))

    def _look_up(self, host: str, port: int, answer: Future[list[str]]) -> None:
        try:
            found = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
        except BaseException as error:  # noqa: BLE001 - handed to those who wait
            self._end(host, port)
            answer.set_exception(error)
            return
        self._end(host, port)
        answer.set_result(list(dict.fromkeys(str(each[4][0]) for each in found)))

    def _end(self, host: str, port: int) -> None:
        with self._lock:
            del self._running[host, port]


class DiallingConnection(HTTPConnection):
    """Tries one address of its host after the other, while the call of this thread has time."""

    def _new_conn(self) -> socket.socket:
        host, timeout = self._dns_host, self.timeout
        failure: NewConnectionError | ConnectTimeoutError = NewConnectionError(self, "no address")
        try:
            for number, address in enumerate(self._addresses()):
                left = current_remaining()
                if number and left is not None and left <= 0:
                    break
                if left is not None and isinstance(timeout, (int, float)):
                    self.timeout = max(_LEAST_SECONDS, min(timeout, left))
                self._dns_host = address
                try:
                    return super()._new_conn()
                except (NewConnectionError, ConnectTimeoutError) as error:
                    failure = error
        finally:
            # The name is what the certificate is held against, and what the Host header says.
            self._dns_host, self.timeout = host, timeout
        raise failure

    def _addresses(self) -> list[str]:
        left = current_remaining()
        try:
            return names.addresses(self._dns_host, self.port, _LOOK_UP_SECONDS if left is None else left)
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
