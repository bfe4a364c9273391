"""DE43, the merchant's name, city and country, in the forms it comes in, and the country that it names.

| form | positions |
|---|---|
| internal, CMI, Visa | 1-25 name, 26-38 city, 39-40 country in two letters |
| Mastercard | 1-22 name, 24-36 city, 38-40 country in three letters; in the USA and Canada the state's two, and a blank |
| ISO 8583:1993 | name, street, city, each ended by a backslash; then postal code 10, region 3, country 3 |

Mastercard's form: Thredd, "Merch_Name_DE43 Field in Authorisations" (docs.thredd.com). That of 1993: as IFSF's hosts use it.
"""

from typing import Final

from switch.money.country import ALPHA, BY_THREE, NUMERIC, THREE

WIDTH: Final = 40
_PROVINCES: Final = frozenset(["AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"])
"""Canada's; every other two letters in Mastercard's form are a state of the USA"""
_NO_COUNTRY: Final = ""


def country_at_end(name: str, acquirer_country: str = "") -> str:
    """The country, in two letters, that the last three of DE43's 40 characters name; "" where they name none.

    TUN is Tunisia and not UN, MAR is Morocco and not AR. Where the last two are a country and the last three one as well, DE19
    (`acquirer_country`, a number) decides; else three are read where they stand apart from the city, by a blank.
    """
    two, three = name[38:WIDTH], BY_THREE.get(name[37:WIDTH], _NO_COUNTRY)
    if not three or two not in NUMERIC:
        return three or (two if two in NUMERIC else _NO_COUNTRY)
    if acquirer_country in (NUMERIC[two], NUMERIC[three]):
        return two if acquirer_country == NUMERIC[two] else three
    return two if name[36:37].isalpha() else three


def join(name: str, city: str, country: str) -> str:
    """DE43 of the internal format. `country`: two letters, or ""."""
    return f"{name[:25]:<25}{city[:13]:<13}{country:<2}"


def from_mastercard(value: str, pos_country: str) -> str:
    """The internal form of Mastercard's; what is in another form as it came. `pos_country`: number of DE61, for a USA state."""
    end = value[37:WIDTH]
    if len(value) != WIDTH or value[22] != " " or value[36] != " ":
        return value
    state = end.strip()
    if end in BY_THREE:
        country = BY_THREE[end]
    elif len(state) == 2 and state.isalpha() and state.isascii():
        country = ALPHA.get(pos_country) or ("CA" if state in _PROVINCES else "US")
    else:
        return value
    return join(value[:22], value[23:36], country)


def to_mastercard(value: str, acquirer_country: str) -> str:
    """Mastercard's form of the internal one; as it is where it names no country."""
    country = country_at_end(value, acquirer_country)
    if len(value) != WIDTH or not country or BY_THREE.get(value[37:WIDTH]) == country:
        return value
    return f"{value[:22]} {value[25:38]} {THREE[country]}"


def from_1993(value: str) -> str:
    """The internal form of a DE43 of up to 99 characters: its name, its city and its country, wherever they stand."""
    parts = value.split("\\", 3)
    if len(parts) == 4:
        name, _, city, rest = parts
    elif len(value) > WIDTH:
        name, city, rest = value[:25], value[25:38], value
    else:
        return value.ljust(WIDTH)
    end = rest.rstrip()
    return join(name, city, BY_THREE.get(end[-3:]) or country_at_end(end.rjust(WIDTH)))
