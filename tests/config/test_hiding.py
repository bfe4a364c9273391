"""A secret that stands in a network file, where none should, is in no mistake about it: not in its line, sentence or hint."""

import pytest

from switch.config import ConfigErrors, parse_network
from switch.config.hiding import hide
from tests.config.test_mistakes import BASE

CLEAR = "0123456789ABCDEFFEDCBA9876543210"
PEM = "MHcCAQEEIIZgq5yJ9mZ2mWg7pYwq2oQb"


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ('[security]\nkeys = "k.json"\nlmk = "pkcs11:token=a;object=b?module-path=/l.so&pin-value=48s7"', "48s7"),
        ('[security]\nkeys = "k.json"\nlmk = "pkcs11:token=a;object=b?pin-value=48s7&module-path=/l.so"', "48s7"),
        ('[journal]\nstore = "postgresql://switch:s3cr3t@db1/cmi"', "s3cr3t"),
        ('[journal]\nstore = "postgresql://switch:s3@cr3/t@db1/cmi"', "cr3/t"),
        ('[journal]\nstore = "postgres://db1/cmi?user=switch&password=s3cr3t"', "s3cr3t"),
        ('[journal]\nstore = "host=db1 user=switch password=s3cr3t"', "s3cr3t"),
        ('[journal]\nstore = "mysql://switch:s3cr3t@db1/cmi"', "s3cr3t"),
        ('[journal]\npatroni = ["http://db1:8008", "db2:s3cr3t@db1:8008"]', "s3cr3t"),
        ('[journal]\npassword = "s3cr3t"', "s3cr3t"),
        ("[journal]\npassword = s3cr3t", "s3cr3t"),
        ('[journal]\npassword = "s3cr3t', "s3cr3t"),
        ("[journal]\nhead_copy = 1\npassword = 's3cr3t' x", "s3cr3t"),
        ('[security]\nkeys = "k.json"\nlmk = "l"\nlmk_passphrase = "correct horse battery"', "horse"),
        ('[security]\nkeys = "k.json"\nlmk = "l"\npin = "482917"', "482917"),
        ('[security]\nmodule = "m"\nstoreKey = "TEST1234"', "TEST1234"),
        (f'[security]\nmodule = "m"\nzmk = "{CLEAR}"', CLEAR),
        ('[security]\nmodule = "m"\nzmk = "0123 4567 89AB CDEF FEDC BA98 7654 3210"', "89AB"),
        ('[security]\nmodule = "m"\nzmk = "0123456789ABCDEF"', "89ABCDEF"),
        ('[security]\nmodule = "m"\nzmk = "ASNFZ4mrze/+3LqYdlQyEA=="', "ASNFZ4"),
        (f'[[acs]]\nname = "rif"\naddress = "127.0.0.1:8461"\nissuers = ["rif"]\ncavv_key = "{CLEAR}"', CLEAR),
        (f'[security]\nmodule = "m"\ncomponents = ["{CLEAR}", "{CLEAR}"]', CLEAR),
        (f'[security]\nmodule = "m"\nkey = "-----BEGIN EC PRIVATE KEY-----\\n{PEM}\\n-----END"', PEM),
        ('[capture]\nclear_cards = ["4761739001010119x"]', "739001010"),
        (f'[security]\nmodule = "m"\n{"a" * 50} = "{"b" * 350}"  # password = "s3cr3t"', "s3cr3t"),
    ],
)
def test_a_secret_is_in_no_mistake(line: str, secret: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse_network(BASE + "\n" + line + "\n", "small.toml")
    said = caught.value.render()
    assert secret not in said
    assert secret not in repr(caught.value.mistakes)


@pytest.mark.parametrize(
    "shown",
    [
        'pin_key = "atlas-zpk"',
        'pin_key = "a" # pin_format = 4',
        "unverified_pin = tru",
        "pass_pin = 1",
        'key = "var/tls/switch.key"',
        'fingerprints = ["7f83b1657ff1fc53b92dc18148a1d65dfc2d4b1fa3d677284addd200126d9069"]',
        'store = "postgresql://switch@db1:5432,db2:5432/cmi"',
        'lmk = "pkcs11:token=cmi;object=lmk?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=/run/cmi/pin"',
        'patroni = ["http://db1:8008", "http://db2:8008"]',
        'connect = "127.0.0.1:8592"',
        'range = "9504 01"',
        'institution = "00000000012"',
    ],
)
def test_what_is_no_secret_is_shown_as_it_stands(shown: str) -> None:
    assert hide(shown) == shown
