"""What a decline asks of whom, by its code. Pure.

In: DE39 in its 1987 form, and who declined. Out: a sentence for an operator on the telephone. The codes' names are the standard's
(`wire.vocabulary`); what to do is the field's common practice.
"""

from typing import Final

BY_ISSUER: Final[dict[str, str]] = {
    "01": "The cardholder asks the bank that issued the card.",
    "02": "The cardholder asks the bank that issued the card.",
    "03": "The merchant's number (DE42) is not one that the issuer or network takes: its acquirer checks how it is set up.",
    "04": "The merchant keeps the card, if that is safe, and tells its acquirer.",
    "05": "The issuer does not say why. The cardholder asks the bank; another card may do. Not to be tried again and again.",
    "06": "An error at the issuer. Once more may do; if it lasts, tell the issuer with this payment's RRN.",
    "12": "The issuer does not do such a transaction: look at DE3, DE22 and DE25 of the request.",
    "13": "The amount is none that the issuer takes: DE4, or its currency in DE49.",
    "14": "No such card at the issuer: mistyped, or a number that was made up. Many of one merchant: card testing.",
    "19": "Once more, after a few seconds.",
    "30": "The issuer could not read the request: `cmi-switch doctor` with a capture says which element differs.",
    "41": "The card is reported lost: it is not given back, and no other try is made.",
    "43": "The card is reported stolen: it is not given back, and no other try is made.",
    "51": "Not enough on the account. Another card, or a smaller amount.",
    "54": "The card has expired, or the date was mistyped.",
    "55": "A wrong PIN. Many on one terminal: its keys may be another's (`cmi-switch keys check`).",
    "57": "The card may not do this: cash, abroad, on the web. Its bank can allow it.",
    "58": "The terminal may not do this: its acquirer checks its category (DE18) and what it is allowed.",
    "59": "The issuer suspects fraud. The cardholder asks the bank.",
    "61": "Above a limit of the card. A smaller amount, or the bank raises the limit.",
    "62": "The card is restricted, often to a country or kind of merchant. Its bank says which.",
    "63": "Something of the message's security does not hold: keys of the link.",
    "65": "Too many payments of this card lately. It is to wait, or its bank raises the limit.",
    "75": "Too many wrong PINs: the card's bank unblocks it.",
    "78": "The account is blocked, or there is none.",
    "82": "The chip's or card's value does not verify: a misread card, or one that was copied.",
    "91": "The issuer says that it cannot decide now. Once more later; if it lasts, call the issuer.",
    "92": "The issuer or network cannot route it further.",
    "93": "Not allowed by law or by the scheme.",
    "94": "The issuer takes it for a repeat: does the acquirer use DE11 twice?",
    "96": "Something is broken at the issuer. If it lasts, tell it with this payment's RRN.",
    "N7": "Another CVV2 than the card's. Many of one merchant: card testing.",
}
BY_SWITCH: Final[dict[str, str]] = {
    "12": "The request contradicts itself, or cannot be done here; the reason says what.",
    "13": "DE4 or DE49 is missing, or none that can be.",
    "14": "No card number: mistyped, or its check digit is wrong. Nobody was asked.",
    "15": "No range of the network file holds this card: if it should, add a `[[bin]]` and reload.",
    "30": "An element is missing or malformed; the reason names it. The acquirer's host is to be mended.",
    "57": "The card works at home only, or this is not allowed from there; the rule says which line of the network file decides.",
    "58": "This acquirer or terminal may not do that here; the reason says what would allow it.",
    "91": "Its host is away, in maintenance, or did not answer in time: see Links. What it may have approved is reversed.",
    "92": "It would go back where it came from: the card's range, or the network's own routing, is wrong.",
    "94": "The acquirer has used these numbers before for another payment: DE11 and DE7 must not come twice.",
    "96": "The switch could not keep it (the journal is down, or a limit is reached): see Health.",
}
NO_ADVICE: Final = "The reason beside it says what is known; the issuer, asked with the RRN, can say more."


def advice(de39: str, *, here: bool) -> str:
    """What to do. `here`: the switch declined, nobody else was asked or nobody answered."""
    table = BY_SWITCH if here else BY_ISSUER
    return table.get(de39, BY_ISSUER.get(de39, NO_ADVICE))
