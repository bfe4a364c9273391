"""Why payments are claimed back, and how long each side has to answer: data, read from `specs/disputes.json`."""

import msgspec


class DisputeReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a payment is claimed back."""

    code: str
    scheme: str
    title: str
    file_days: int
    """after the payment, in which it may be claimed"""
    public: bool
    """False: assumed"""


class DisputeTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How long each side has to answer, calendar days."""

    scheme: str
    represent_days: int
    pre_arbitration_days: int
    arbitration_days: int
    public: bool
    """False: assumed"""


class DisputeRules(msgspec.Struct, frozen=True, kw_only=True):
    """Reasons and times (`specs/disputes.json`)."""

    reasons: tuple[DisputeReason, ...] = ()
    times: tuple[DisputeTimes, ...] = ()
    about: str = ""
