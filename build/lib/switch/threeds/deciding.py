"""What an access control server does about an AReq, by its issuer's rule. Pure.

In: a rule, an AReq. Out: a transStatus and why. The one rule: a code is asked only where a browser can show the page for it.
"""

from switch.core.authentication import AuthenticationRule
from switch.threeds.protocol.encoding import Message
from switch.threeds.protocol.messages import BROWSER

_FIXED = {
    "attempt": ("A", ""),
    "refuse": ("N", "01"),
    "reject": ("R", "11"),
    "unavailable": ("U", "22"),
}
_MANDATED = "04"
_DATA_ONLY = "06"


def decide(rule: AuthenticationRule, asked: Message, home: str) -> tuple[str, str]:
    """transStatus and transStatusReason. `home`: the currency (ISO 4217 numeric) that amounts of rules are in."""
    if rule.asks in _FIXED:
        return _FIXED[rule.asks]
    wish = asked.get("threeDSRequestorChallengeInd")
    if wish == _DATA_ONLY:
        return "I", ""
    if rule.asks != "always" and wish != _MANDATED and not _is_above(rule, asked, home):
        return "Y", ""
    return ("C", "") if asked["deviceChannel"] == BROWSER else ("U", "03")


def _is_above(rule: AuthenticationRule, asked: Message, home: str) -> bool:
    """Another currency, and no amount at all, is above any amount: the bank asks."""
    if rule.asks != "above":
        return False
    return asked.get("purchaseCurrency") != home or int(asked.get("purchaseAmount", "0")) > rule.above
