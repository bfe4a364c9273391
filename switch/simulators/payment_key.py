"""What a payment is known by in the books of simulated parties."""

from switch.wire.vocabulary import DE, Document


def payment_key(document: Document) -> str:
    """What a message's payment is known by in every book."""
    get = document.get
    return f"{get(DE.ACQUIRER, '')}/{get(DE.TERMINAL, '').strip()}/{get(DE.RRN, '').strip()}"


def own_name(request: Document) -> str:
    """What an issuer knows a request's payment by: its payment key; without DE37, DE11 and DE7 stand for that."""
    name = payment_key(request)
    return (
        name if not name.endswith("/") else f"{name}{request.get(DE.STAN, '')}@{request.get(DE.TRANSMISSION_TIME, '')}"
    )


def name_in_de90(message: Document) -> str:
    """What `own_name` made of the request without DE37 that DE90 of a message without it names; "": it names none."""
    original = message.get(DE.ORIGINAL, "")
    return "" if message.get(DE.RRN) or not original else f"{payment_key(message)}{original[4:10]}@{original[10:20]}"


def parts_of(key: str) -> tuple[str, str, str]:
    """DE32, DE41 and DE37 of a payment key. A DE41 may have slashes of its own: it is `ans`."""
    acquirer, _, rest = key.partition("/")
    terminal, _, rrn = rest.rpartition("/")
    return acquirer, terminal, rrn
