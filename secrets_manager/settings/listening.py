"""Where servers of ours listen: the syntax of the two options that say so.

Pure functions that raise `ValueError` with a reason for a person, as `checks`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
_ADDRESS = re.compile(r"(?:\[(?P<six>[^\[\]]*)\]|(?P<host>[^\[\]:]*)):(?P<port>[0-9]{1,5})", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenAddress:
    """Where a server of ours listens.

    Attributes:
        host: name or address without brackets; `""` listens on every address of the machine.
        port: 0 to 65535; 0 lets the system choose a free one.

    """

    host: str = ""
    port: int = 8080

    def __str__(self) -> str:
        """Host and port as one text, an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def listen_address(value: str) -> ListenAddress | None:
    """`host:port`, `:port` or `[address]:port`; `0` switches off and an empty text is the default."""
    if value == "0":
        return None
    if not value:
        return ListenAddress()
    return _parsed(value, "must be host:port or :port with a port up to 65535, or 0 for none")


def status_address(value: str) -> ListenAddress | None:
    """`port`, `:port`, `host:port` or `[address]:port`; `0` and an empty text switch off.

    A port alone is one of loopback: who wants the page to be reached from elsewhere has to say where.
    """
    if value in {"", "0"}:
        return None
    text = f":{value}" if _PORT.fullmatch(value) else value
    found = _parsed(text, "must be a port, :port or host:port with a port up to 65535, or 0 for none")
    return found if found.host else ListenAddress(host=LOOPBACK, port=found.port)


def _parsed(value: str, fault: str) -> ListenAddress:
    address = _ADDRESS.fullmatch(value)
    if address is None or int(address["port"]) > _HIGHEST_PORT:
        raise ValueError(fault)
    return ListenAddress(host=address["six"] or address["host"] or "", port=int(address["port"]))
