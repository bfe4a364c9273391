"""What statements say, in French and in English, and how each writes numbers, days and times."""

from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Final

from switch.money.currency import currency


class Language(StrEnum):
    """The words, formats of numbers and order of dates of a page's language."""

    FRENCH = "fr"
    ENGLISH = "en"


_WORDS: Final[dict[str, tuple[str, str]]] = {
    "merchant": ("Relevé du commerçant", "Merchant’s statement"),
    "member": ("Relevé de l’établissement", "Member’s statement"),
    "day": ("Rapport de la journée", "Day’s report"),
    "merchant number": ("Commerçant", "Merchant"),
    "acquirer": ("Banque acquéreuse", "Acquirer"),
    "network": ("Réseau", "Network"),
    "period": ("Période", "Period"),
    "window": ("fenêtre", "window"),
    "windows": ("fenêtres", "windows"),
    "open": ("en cours, provisoire", "open, provisional"),
    "to be paid": ("Net à verser", "To be paid"),
    "to be taken": ("Net à débiter", "To be debited"),
    "gross": ("Ventes nettes", "Net sales"),
    "charges": ("Commissions", "Charges"),
    "vat": ("TVA", "VAT"),
    "net": ("Net", "Net"),
    "payments": ("Opérations", "Payments"),
    "amount": ("Montant", "Amount"),
    "share": ("Taux", "Rate"),
    "by card": ("Par type de carte", "By kind of card"),
    "card": ("Carte", "Card"),
    "national": ("Carte Cmi", "Cmi card"),
    "local": ("Visa, Mastercard locales", "Local Visa, Mastercard"),
    "foreign": ("Carte étrangère", "Foreign card"),
    "total": ("Total", "Total"),
    "lines": ("Opérations en détail", "Payments, one by one"),
    "date": ("Date", "Date"),
    "time": ("Heure", "Time"),
    "reference": ("Référence", "Reference"),
    "operation": ("Opération", "What"),
    "of": ("du", "of"),
    "sales by hour": ("Ventes par heure", "Sales by hour"),
    "sales by day": ("Ventes par jour", "Sales by day"),
    "where it goes": ("Répartition des ventes", "Where sales go"),
    "nets": ("Positions nettes", "Net positions"),
    "party": ("Partie", "Party"),
    "owes": ("Doit", "Owes"),
    "owed": ("À recevoir", "Owed"),
    "fees": ("Frais", "Fees"),
    "multilateral": ("Compensation multilatérale", "Multilateral net"),
    "with": ("Avec", "With"),
    "apart": ("Hors compensation, avec les réseaux", "Apart from the net, with networks"),
    "costs": ("Ce que coûtent les cartes aux commerçants", "What cards cost merchants"),
    "interchange": ("Interchange", "Interchange"),
    "own fees": ("Réseau", "Network"),
    "others": ("Autres", "Others"),
    "kept": ("Acquéreur", "Acquirer"),
    "moved": ("Réglé au lieu du brut", "Moves instead of the gross"),
    "gross between": ("Brut entre banques", "Gross between banks"),
    "entries": ("Écritures", "Entries"),
    "fees in all": ("Frais par nature", "Fees by kind"),
    "kind": ("Nature", "Kind"),
    "merchants": ("Dû aux commerçants", "Owed to merchants"),
    "unpriced": ("opérations sans tarif, donc sans frais", "payments without a price, and so without fees"),
    "elsewhere": (
        "Ventes en d’autres devises, hors des sommes et du tableau par carte (leurs commissions et leur TVA sont dans le net)",
        "Sales in other currencies, in no sum and not in the table by card (their charges and tax are in the net)",
    ),
    "nothing": ("Aucune opération dans cette période.", "No payment in this period."),
    "stranger": ("* carte étrangère", "* foreign card"),
    "sign": (
        "Un montant négatif est à la charge de qui lit ce relevé. Les sommes sont au centime celles du règlement.",
        "An amount below zero is paid by the reader. Sums are those of the settlement, to the minor unit.",
    ),
    "balance": ("La somme de toutes les positions est nulle.", "All positions come to zero."),
    "payment": ("Paiements", "Payments"),
    "service": ("Commission", "Service charge"),
    "gateway": ("Passerelle", "Gateway"),
    "switch": ("Commutation", "Switch"),
    "scheme": ("Réseau", "Scheme"),
    "cross-border": ("Transfrontalier", "Cross-border"),
    "processing": ("Traitement", "Processing"),
    "set-up": ("Mise en service", "Set-up"),
    "monthly": ("Abonnement", "Monthly fee"),
    "free month": ("Mois gratuit", "Free month"),
    "standing": ("Frais fixes, sans opération", "Fees without a payment"),
    "withdrawal": ("Retraits", "Withdrawals"),
    "purchase": ("Achat", "Purchase"),
    "cash": ("Retrait", "Cash"),
    "refund": ("Remboursement", "Refund"),
    "stand-in": ("Achat (secours)", "Purchase (stand-in)"),
    "completion": ("Achat réservé", "Held purchase"),
    "correction": ("Rectification", "Correction"),
    "advice": ("Achat (avis)", "Purchase (advice)"),
    "reversal": ("Annulation", "Reversal"),
    "dispute": ("Litiges", "Disputes"),
    "chargeback": ("Impayé", "Chargeback"),
    "representment": ("Représentation", "Representment"),
    "pre-arbitration": ("Pré-arbitrage", "Pre-arbitration"),
    "closed": ("Litige clos", "Dispute closed"),
}
_MONTHS: Final = (
    ("janvier", "January"),
    ("février", "February"),
    ("mars", "March"),
    ("avril", "April"),
    ("mai", "May"),
    ("juin", "June"),
    ("juillet", "July"),
    ("août", "August"),
    ("septembre", "September"),
    ("octobre", "October"),
    ("novembre", "November"),
    ("décembre", "December"),
)
MINUS: Final = "\u2212"
THIN: Final = "\u202f"
"""narrow no-break space: groups thousands in French, and stands before a unit"""


class Words:
    """One language's words."""

    def __init__(self, language: Language, zone: tzinfo) -> None:
        """`zone`: whose clock times are shown by."""
        self.language = language
        self._zone = zone

    def __call__(self, key: str) -> str:
        """The words for `key`; a kind of fee that is not known here names itself."""
        found = _WORDS.get(key)
        if found is None:
            return key.capitalize()
        return found[0] if self.language is Language.FRENCH else found[1]

    def before(self, key: str) -> str:
        """The words for `key` and a colon, before a value."""
        return f"{self(key)}\u00a0:" if self.language is Language.FRENCH else f"{self(key)}:"

    def number(self, minor: int, code: str) -> str:
        """`−1 234,50` in French, `−1,234.50` in English."""
        exponent = currency(code).exponent
        digits = str(abs(minor)).rjust(exponent + 1, "0")
        whole, decimals = digits[: len(digits) - exponent], digits[len(digits) - exponent :]
        french = self.language is Language.FRENCH
        grouped = f"{int(whole):,}".replace(",", THIN if french else ",")
        return f"{MINUS if minor < 0 else ''}{grouped}{(',' if french else '.') + decimals if decimals else ''}"

    def money(self, minor: int, code: str) -> str:
        """With its currency's letters behind it."""
        return f"{self.number(minor, code)}\u00a0{currency(code).alpha}"

    def count(self, number: int) -> str:
        """A whole number."""
        return f"{number:,}".replace(",", THIN if self.language is Language.FRENCH else ",")

    def percent(self, part: int, whole: int) -> str:
        """To two decimals; below zero where one of both is; a dash where there is no whole."""
        if not whole:
            return "–"
        hundredths = (20_000 * abs(part) + abs(whole)) // (2 * abs(whole))
        minus = MINUS if hundredths and (part < 0) != (whole < 0) else ""
        text = f"{minus}{hundredths // 100}.{hundredths % 100:02d}"
        return f"{text.replace('.', ',')}{THIN}%" if self.language is Language.FRENCH else f"{text} %"

    def day(self, day: str) -> str:
        """`27 novembre 2026`, `27 November 2026`; a month without its day."""
        year, month, *rest = day.split("-")
        name = _MONTHS[int(month) - 1][self.language is Language.ENGLISH]
        date = f"{int(rest[0])} " if rest else ""
        return f"{'1er ' if date == '1 ' and self.language is Language.FRENCH else date}{name} {year}"

    def short_day(self, day: str) -> str:
        """`27/11/2026`, `2026-11-27`."""
        return "/".join(reversed(day.split("-"))) if self.language is Language.FRENCH else day

    def local(self, at_us: int) -> datetime:
        """Wall-clock µs by the place's clock."""
        return datetime.fromtimestamp(at_us // 1_000_000, self._zone)
