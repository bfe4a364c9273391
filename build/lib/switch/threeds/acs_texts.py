"""The words of a bank's challenge page, in French, Arabic and English."""

from typing import Final

import msgspec


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one language."""

    title: str
    sent: str
    merchant: str
    amount: str
    date: str
    card: str
    code: str
    hint: str
    wrong: str
    confirm: str
    again: str
    no_more: str
    cancel: str
    done: str
    done_hint: str
    back: str
    unknown: str
    unknown_hint: str
    language: str
    summary: str


TEXTS: Final = {
    "fr": Texts(
        title="Confirmez votre paiement",
        sent="Votre banque vous a envoyé un code par SMS. Il ne vaut que pour ce paiement ; ne le communiquez à personne.",
        merchant="Marchand",
        amount="Montant",
        date="Date",
        card="Carte",
        code="Code reçu par SMS",
        hint="6 chiffres",
        wrong="Ce code n’est pas le bon. Vérifiez le dernier SMS reçu.",
        confirm="Confirmer",
        again="Recevoir un nouveau code",
        no_more="Plus aucun code ne peut être envoyé ; utilisez le dernier.",
        cancel="Annuler le paiement",
        done="Retour à la page de paiement…",
        done_hint="Si rien ne se passe, appuyez sur le bouton.",
        back="Continuer",
        unknown="Cette page n’est plus valable",
        unknown_hint="Revenez au site marchand et recommencez. Vous n’avez pas été débité.",
        language="Langue",
        summary="Récapitulatif",
    ),
    "ar": Texts(
        title="أكّد الأداء",
        sent="أرسل لك بنكك رمزا عبر رسالة قصيرة. يصلح لهذا الأداء فقط، فلا تطلع أحدا عليه.",
        merchant="التاجر",
        amount="المبلغ",
        date="التاريخ",
        card="البطاقة",
        code="الرمز المتوصل به",
        hint="6 أرقام",
        wrong="هذا الرمز غير صحيح. تحقق من آخر رسالة توصلت بها.",
        confirm="تأكيد",
        again="إرسال رمز جديد",
        no_more="لا يمكن إرسال رموز أخرى؛ استعمل الأخير.",
        cancel="إلغاء الأداء",
        done="الرجوع إلى صفحة الأداء…",
        done_hint="إذا لم يحدث شيء فاضغط على الزر.",
        back="متابعة",
        unknown="لم تعد هذه الصفحة صالحة",
        unknown_hint="ارجع إلى موقع التاجر وأعد المحاولة. لم يُخصم أي مبلغ.",
        language="اللغة",
        summary="ملخص",
    ),
    "en": Texts(
        title="Confirm your payment",
        sent="Your bank has sent you a code by SMS. It is for this payment only; tell it to nobody.",
        merchant="Merchant",
        amount="Amount",
        date="Date",
        card="Card",
        code="Code from the SMS",
        hint="6 digits",
        wrong="This is not the code. Look at the last SMS you got.",
        confirm="Confirm",
        again="Send another code",
        no_more="No more codes can be sent; use the last one.",
        cancel="Cancel the payment",
        done="Back to the payment page…",
        done_hint="If nothing happens, press the button.",
        back="Continue",
        unknown="This page is no longer valid",
        unknown_hint="Go back to the shop and begin again. You were not charged.",
        language="Language",
        summary="Summary",
    ),
}
NAMES: Final = {"fr": "Français", "ar": "العربية", "en": "English"}
DIRECTIONS: Final = {"fr": "ltr", "ar": "rtl", "en": "ltr"}
