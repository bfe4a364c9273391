"""Lists of certificates that were taken back: which are read, and what they say of a certificate."""

import re
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from switch.security.certificates import CertificateError, read_certificates
from switch.security.revocation import Revocations
from tests.server.authority import DAY, Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def lists(authority: Authority, path: str) -> Revocations:
    return Revocations(path, read_certificates(str(authority.file)))


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_what_was_taken_back_is_refused_with_day_and_reason_and_nothing_else_is(
    authority: Authority, tmp_path: Path, encoding: Encoding
) -> None:
    good, taken = (authority.issue(name) for name in ("atlas.example", "rif.example"))
    path = tmp_path / "a.crl"
    path.write_bytes(authority.take_back(taken.certificate).public_bytes(encoding))
    found = lists(authority, str(path))
    assert found.refusal(read_certificates(good.certificate)[0]) == ("", "")
    reason, hint = found.refusal(read_certificates(taken.certificate)[0])
    day = (datetime.now(UTC) - DAY).date().isoformat()
    assert reason.startswith("its certificate CN=rif.example")
    assert re.search(rf"was taken back by .*O=ca on {day} \(key compromise\)$", reason)
    assert hint == "it needs a new one"


def test_a_certificate_whose_authority_has_no_list_is_refused(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    both = tmp_path / "both.pem"
    both.write_bytes(authority.file.read_bytes() + other.file.read_bytes())
    found = Revocations(authority.list_file(), read_certificates(str(both)))
    of_other = read_certificates(other.issue("rif.example").certificate)[0]
    assert "may have been taken back" in found.refusal(of_other)[0]
    stranger = Authority(tmp_path, "stranger").issue("x.example")
    assert "has no list of" in found.refusal(read_certificates(stranger.certificate)[0])[0]
    with Path(authority.list_file()).open("ab") as file:
        file.write(other.take_back().public_bytes(Encoding.PEM))
    found = Revocations(str(tmp_path / "taken-back.crl"), read_certificates(str(both)))
    assert found.refusal(of_other) == ("", ""), "a file may have the list of each"


def test_what_an_authority_issued_that_was_itself_taken_back_is_refused(authority: Authority, tmp_path: Path) -> None:
    under = authority.under()
    issued = read_certificates(under.issue("rif.example").certificate)[0]
    both, path = tmp_path / "both.pem", tmp_path / "a.crl"
    both.write_bytes(under.file.read_bytes() + authority.file.read_bytes())
    for taken, said in (((), ""), ((str(under.file),), "is of the authority")):
        path.write_bytes(
            b"".join(one.public_bytes(Encoding.PEM) for one in (authority.take_back(*taken), under.take_back()))
        )
        reason, _ = Revocations(str(path), read_certificates(str(both))).refusal(issued)
        assert said in reason
        assert bool(said) == bool(reason)


@pytest.mark.parametrize(
    ("narrowed", "said"),
    [
        (x509.DeltaCRLIndicator(1), "is not the whole of it"),
        (
            x509.IssuingDistributionPoint(None, None, False, False, None, True, False),
            "is not the whole of it",
        ),
        (
            x509.IssuingDistributionPoint(
                None, None, False, False, frozenset({x509.ReasonFlags.key_compromise}), False, False
            ),
            "is not the whole of it",
        ),
    ],
    ids=["a delta", "indirect", "some reasons"],
)
def test_a_list_that_is_not_whole_is_no_list(authority: Authority, narrowed: x509.ExtensionType, said: str) -> None:
    with pytest.raises(CertificateError, match=said):
        lists(authority, authority.list_file(narrowed=narrowed))


def test_a_list_for_certificates_of_users_alone_is_whole_enough(authority: Authority) -> None:
    narrowed = x509.IssuingDistributionPoint(None, None, True, False, None, False, False)
    taken = authority.issue("rif.example")
    found = lists(authority, authority.list_file(taken, narrowed=narrowed))
    assert found.refusal(read_certificates(taken.certificate)[0])[0]


def test_a_list_that_cannot_be_used_is_named_with_what_to_do(authority: Authority, tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match=r"of 20.* UTC, which is to come"):
        lists(authority, authority.list_file(began=datetime.now(UTC) + DAY, ends=datetime.now(UTC) + 2 * DAY))
    other = Authority(tmp_path / "other", "ca")
    with pytest.raises(CertificateError, match="was signed by no authority of `ca`"):
        lists(authority, other.list_file())
    whole = Path(authority.list_file()).read_bytes()
    for data, said in (
        (b"", "holds no list"),
        (whole + whole[:-40], "or not all of one"),
        (whole * 2, "has two lists of"),
    ):
        (tmp_path / "b.crl").write_bytes(data)
        with pytest.raises(CertificateError, match=said):
            lists(authority, str(tmp_path / "b.crl"))


def test_when_the_next_list_is_due_is_known(authority: Authority) -> None:
    due = datetime.now(UTC).replace(microsecond=0) - DAY / 2
    assert lists(authority, authority.list_file(ends=due)).ends_us == due.timestamp() * 1e6


def test_a_list_with_a_part_that_cannot_be_read_is_refused_as_a_file(authority: Authority, tmp_path: Path) -> None:
    """OpenSSL reads what has one extension twice; a program that looks at it stumbles only then."""
    made = x509.CertificateRevocationListBuilder().issuer_name(x509.Name([])).last_update(datetime.now(UTC) - DAY)
    made = made.next_update(datetime.now(UTC) + DAY)
    for oid in ("1.2.3.4", "1.2.3.5"):
        made = made.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), b"\x05\x00"), critical=False)
    signed = made.sign(ec.generate_private_key(ec.SECP256R1()), SHA256()).public_bytes(Encoding.DER)
    path = tmp_path / "twice.crl"
    path.write_bytes(signed.replace(bytes.fromhex("06032a0305"), bytes.fromhex("06032a0304")))
    with pytest.raises(CertificateError, match=r"twice.crl: a list cannot be read: Duplicate 1\.2\.3\.4"):
        lists(authority, str(path))


def test_authorities_that_have_signed_each_other_are_asked_once(tmp_path: Path) -> None:
    now, keys = datetime.now(UTC), {name: ec.generate_private_key(ec.SECP256R1()) for name in ("a", "b", "host")}

    def signed(name: str, by: str) -> x509.Certificate:
        subject, issuer = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, one)]) for one in (name, by))
        made = x509.CertificateBuilder(issuer, subject, keys[name].public_key(), x509.random_serial_number())
        made = made.not_valid_before(now - DAY).not_valid_after(now + DAY)
        return made.sign(keys[by], SHA256())

    path = tmp_path / "both.crl"
    for name in ("a", "b"):
        named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        listed = x509.CertificateRevocationListBuilder(named, now - DAY, now + DAY).sign(keys[name], SHA256())
        with path.open("ab") as file:
            file.write(listed.public_bytes(Encoding.PEM))
    found = Revocations(str(path), [signed("a", "b"), signed("b", "a")])
    signal.alarm(20)  # it went round for ever, and with it the switch
    assert found.refusal(signed("host", "a")) == ("", "")
    signal.alarm(0)
