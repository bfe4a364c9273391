"""HOST:PORT as people write it: an address, or a sentence. Nothing that a resolver refuses in its own words gets past."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.core.addresses import HERE, AddressError, parse_address
from switch.core.network import Address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8583", "127.0.0.1", 8583),
        ("[::1]:0", "::1", 0),
        ("host.example:65535", "host.example", 65_535),
        ("bücher.example:1", "bücher.example", 1),
        ("/run/cmi/edge:0", "/run/cmi/edge", 0),
    ],
)
def test_what_is_an_address(text: str, host: str, port: int) -> None:
    assert parse_address(text) == Address(host, port)
    assert str(parse_address(text)) == text, "said as it is written"


def test_a_host_may_be_left_out_where_one_stands_in_for_it() -> None:
    assert parse_address(":8583", HERE) == Address("127.0.0.1", 8583)
    with pytest.raises(AddressError, match="is no address"):
        parse_address(":8583")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no address"),
        ("nowhere", "is no address"),
        ("127.0.0.1:", "is no address"),
        ("127.0.0.1:99999", "is no address"),
        ("127.0.0.1:²", "is no address"),  # a digit to `str.isdigit`, and none to `int`
        ("127.0.0.1:" + "1" * 5_000, "is no address"),
        ("::1:8583", "does not tell host from port"),
        ("a..b:8583", "is no name of a host"),
        (".:8583", "is no name of a host"),
        ("a" * 64 + ".example:8583", "is no name of a host"),
        ("a b:8583", "is no name of a host"),
        ("a\0b:8583", "is no name of a host"),
    ],
)
def test_what_is_none_is_refused_with_a_hint(text: str, says: str) -> None:
    with pytest.raises(AddressError, match=says) as refused:
        parse_address(text)
    assert refused.value.hint


@given(st.text(max_size=70))
def test_whatever_is_said_is_an_address_or_refused(host: str) -> None:
    try:
        address = parse_address(f"{host}:80")
    except AddressError:
        return
    assert "/" in host or address.host.encode("idna"), (
        "asking for it fails as for a name that nobody has, or not at all"
    )
