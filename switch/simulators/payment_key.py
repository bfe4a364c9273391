"""What a payment is known by in the books of simulated parties."""

from switch.wire.vocabulary import DE, Document


def payment_key(document: Document) -> str:
    """What a message's payment is known by in every book: DE32, 41, 37; without DE37, DE11 and DE7 of its request (in DE90)."""
    get = document.get
    name = get(DE.RRN, "").strip()
    if not name:
        original = get(DE.ORIGINAL, "") if get(DE.MTI, "")[1:3] in {"12", "22", "40", "42"} else ""
        name = f"{original[4:10] or get(DE.STAN, '')}@{original[10:20] or get(DE.TRANSMISSION_TIME, '')}"
    return f"{get(DE.ACQUIRER, '')}/{get(DE.TERMINAL, '').strip()}/{name}"
