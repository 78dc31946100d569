"""The proxies on the way to a backend; every backend has a group of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from secrets_manager.settings import login_checks as login
from secrets_manager.settings.kinds import LOOSE_LIST
from secrets_manager.settings.option import option

_proxy = partial(option, "", check=login.proxy_address, secret=True)
_http_proxy = partial(_proxy, name="http-proxy", fallbacks=("HTTP_PROXY", "http_proxy"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """The proxies on the way to a backend, as curl and Go read them; their URLs may carry a password."""

    http: str = _http_proxy(help="Proxy for http addresses.")
    https: str = _proxy(
        name="https-proxy", fallbacks=("HTTPS_PROXY", "https_proxy"), help="Proxy for https addresses."
    )
    no_proxy: tuple[str, ...] = option(
        (),
        kind=LOOSE_LIST,
        fallbacks=("NO_PROXY", "no_proxy"),
        help="Hosts, domains and networks that are reached without a proxy.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureProxySettings(ProxySettings):
    """The same on the way to Azure; identities of machines are requested without a proxy."""

    http: str = _http_proxy(help="Proxy for http addresses; never used for link-local ones.")
