"""The address of the status page: a port alone is one of loopback."""

from __future__ import annotations

import pytest

from secrets_manager.settings.listening import ListenAddress, status_address


@pytest.mark.parametrize("text", ["", "0"])
def test_there_is_no_status_page_unless_an_address_is_given(text: str) -> None:
    assert status_address(text) is None


@pytest.mark.parametrize("text", ["8082", ":8082", "127.0.0.1:8082"])
def test_a_port_alone_is_one_of_loopback(text: str) -> None:
    assert status_address(text) == ListenAddress(host="127.0.0.1", port=8082)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0.0.0.0:8082", ListenAddress(host="0.0.0.0", port=8082)),  # noqa: S104 - as users may write it
        ("[::]:8082", ListenAddress(host="::", port=8082)),
        ("[::1]:0", ListenAddress(host="::1", port=0)),
        ("pod.example:1", ListenAddress(host="pod.example", port=1)),
    ],
)
def test_another_address_is_taken_as_it_is_written(text: str, address: ListenAddress) -> None:
    assert status_address(text) == address


@pytest.mark.parametrize(
    "text", ["65536", ":65536", "host", "::1:80", "http://a:1", "-1", "00000080", "8082 "]
)
def test_what_is_no_address_is_refused_with_the_forms_that_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="must be a port, :port or host:port"):
        status_address(text)
