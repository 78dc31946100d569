"""The fault proxy's rules: which requests, which of them by count, and the fault for them.

Said as a sentence: `proxy.on("GET", r"/v1/secret/.*").times(2).reply(503)`. Knows nothing of sockets.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self

from tests.testbed import fault_actions as actions
from tests.testbed.fault_actions import Action
from tests.testbed.waiting import wait_until

__all__ = ["Rule", "RuleBuilder"]


class Rule:
    """One rule in force, and its hits so far."""

    def __init__(self, method: str, target: str, *, skip: int, limit: int | None, action: Action) -> None:
        self.action = action
        self.hits = 0
        self.released = threading.Event()
        self._method = re.compile(method)
        self._target = re.compile(target)
        self._to_skip = skip
        self._limit = limit
        self._removed = False

    def claims(self, method: str, target: str) -> bool:
        """Whether this request is one of its own; counts it. The proxy calls this under its lock."""
        if self._removed or not (self._method.fullmatch(method) and self._target.fullmatch(target)):
            return False
        if self._to_skip:
            self._to_skip -= 1
            return False
        if self._limit is not None and self.hits >= self._limit:
            return False
        self.hits += 1
        return True

    def wait_hit(self, count: int = 1, timeout: float = 30.0) -> None:
        """Return once it has met `count` requests."""
        wait_until(
            lambda: self.hits >= count, timeout, f"{count} requests for the rule on {self._target.pattern}"
        )

    def release(self) -> None:
        """Let go what hangs in it; later requests of its own go through as well."""
        self.released.set()

    def remove(self) -> None:
        """Meet no further request, and let go what hangs in it."""
        self._removed = True
        self.release()


class RuleBuilder:
    """A rule being said; the last word (an action) puts it in force and returns it."""

    def __init__(self, method: str, target: str, install: Callable[[Rule], None]) -> None:
        self._method = method
        self._target = target
        self._install = install
        self._skip = 0
        self._limit: int | None = None

    def after(self, count: int) -> Self:
        """Let the first `count` matching requests by."""
        self._skip = count
        return self

    def times(self, count: int) -> Self:
        """Meet no more than `count` requests."""
        self._limit = count
        return self

    def reply(
        self,
        status: int,
        body: bytes | Mapping[str, Any] = b"",
        headers: Mapping[str, str] | None = None,
        retry_after: int | None = None,
    ) -> Rule:
        """Answer with this; a mapping is sent as JSON."""
        more = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return self._do(actions.reply(status, body, {**(headers or {}), **more}))

    def kubernetes_error(self, status: int, reason: str, message: str = "as the test wishes") -> Rule:
        """Answer with a Status object, as the API server does."""
        return self.reply(status, actions.kubernetes_status(status, reason, message))

    def vault_error(self, status: int, *errors: str) -> Rule:
        """Answer with a list of errors, as Vault does."""
        return self.reply(status, {"errors": list(errors)})

    def gone(self) -> Rule:
        """Answer 410: the resourceVersion, or the continue token, is too old."""
        return self.kubernetes_error(410, "Expired", "too old resource version")

    def html(self) -> Rule:
        """Answer 200 with a page of HTML, as a captive proxy does."""
        return self.reply(200, b"<html><body>Welcome</body></html>", {"Content-Type": "text/html"})

    def redirect(self, url: str, status: int = 307) -> Rule:
        """Send the client to the same target at `url` (scheme, host and port)."""
        return self._do(actions.redirect(url, status))

    def oversize(self, size: int) -> Rule:
        """Answer with `size` bytes of JSON."""
        return self._do(actions.oversize(size))

    def gzip_bomb(self, size: int) -> Rule:
        """Answer with a little gzip that unpacks to `size` bytes."""
        return self._do(actions.gzip_bomb(size))

    def passthrough(self) -> Rule:
        """Let it through; as a first rule it keeps requests from later ones."""
        return self._do(actions.forward)

    def delay(self, seconds: float) -> Rule:
        """Let it through after a while."""
        return self._do(actions.delay(seconds))

    def hang(self) -> Rule:
        """Say nothing until released; then let it through, if the client still waits."""
        return self._do(actions.hang)

    def hang_reply(self) -> Rule:
        """Let it through, and keep the reply back until released."""
        return self._do(actions.hang_reply)

    def reset(self) -> Rule:
        """Reset the connection before the real server sees the request."""
        return self._do(actions.reset)

    def apply_then_drop(self) -> Rule:
        """Let it through, and lose the reply."""
        return self._do(actions.apply_then_drop)

    def drip_headers(self, interval: float = 0.2) -> Rule:
        """Answer with headers that never end."""
        return self._do(actions.drip_headers(interval))

    def drip_body(self, interval: float = 0.2) -> Rule:
        """Answer with a body that never ends."""
        return self._do(actions.drip_body(interval))

    def truncate(self, lines: int) -> Rule:
        """Pass on so many lines of the reply, then half a line, then close."""
        return self._do(actions.truncate(lines))

    def gone_in_stream(self) -> Rule:
        """Accept a watch, and report at once in its stream that its resourceVersion is too old."""
        return self._do(actions.expire_watch)

    def silence(self) -> Rule:
        """Pass on the reply's headers and then nothing, until released."""
        return self._do(actions.silence)

    def act(self, action: Action) -> Rule:
        """Do what only the test knows."""
        return self._do(action)

    def _do(self, action: Action) -> Rule:
        rule = Rule(self._method, self._target, skip=self._skip, limit=self._limit, action=action)
        self._install(rule)
        return rule
