"""The words of the payment page, in French, Arabic and English."""

from typing import Final

import msgspec


class Texts(msgspec.Struct, frozen=True):
    """The words of one language."""

    secure: str
    pay_to: str
    order: str
    card_number: str
    expiry: str
    cvv: str
    cvv_hint: str
    pay: str
    cancel: str
    cards: str
    wrong_number: str
    wrong_expiry: str
    wrong_cvv: str
    declined: str
    try_again: str
    not_sent: str
    same_again: str
    no_more: str
    working: str
    working_hint: str
    approved: str
    approved_hint: str
    not_paid: str
    cancelled: str
    expired: str
    taken_back: str
    back_to_shop: str
    sites: str
    sites_hint: str
    refused: str
    refused_hint: str
    unavailable: str
    unavailable_hint: str
    ends: str
    protected: str
    language: str
    summary: str
    too_many: str
    proved: str
    not_proved: str
    liability: dict[str, str]
    """`issuer`, `merchant`: who bears the loss where the cardholder denies the payment"""
    test_cards: str
    test_hint: str
    test_kinds: dict[str, str]


_FR: Final = Texts(
    "Paiement sécurisé",
    "Vous payez",
    "Commande",
    "Numéro de carte",
    "Expiration (MM/AA)",
    "Code de sécurité",
    "Les 3 chiffres au dos de la carte",
    "Payer",
    "Annuler et revenir au site",
    "Cartes acceptées",
    "Vérifiez le numéro de carte : un chiffre ne va pas.",
    "Vérifiez la date : mois et année de la carte, non expirée.",
    "Le code de sécurité a 3 chiffres.",
    "Le paiement a été refusé par la banque de la carte.",
    "Vous n’avez pas été débité. Vous pouvez essayer une autre carte.",
    "Le réseau de paiement est momentanément injoignable.",
    "Vous n’avez pas été débité. Essayez encore dans un instant, avec la même carte si vous voulez.",
    "Vous n’avez pas été débité.",
    "Paiement en cours…",
    "Ne fermez pas cette page. Cela prend quelques secondes.",
    "Paiement accepté",
    "Vous allez être redirigé vers le site marchand.",
    "Paiement non effectué",
    "Vous avez annulé le paiement.",
    "Le temps est écoulé. Vous n’avez pas été débité.",
    "Le paiement n’a pas abouti. Toute somme réservée est rendue.",
    "Revenir au site marchand",
    "Sites sécurisés",
    "Ces sites marchands acceptent les cartes par cette page de paiement.",
    "Demande de paiement refusée",
    "Le site marchand a envoyé une demande qui n’est pas valable. Rien n’a été débité ; signalez-le au marchand.",
    "Indisponible pour le moment",
    "Rechargez cette page dans quelques minutes. Si vous avez déjà saisi une carte, ne payez pas encore ailleurs : cette page "
    "dira ce qu’il en est advenu.",
    "Cette page expire à",
    "Vos données de carte sont chiffrées et ne sont pas communiquées au marchand.",
    "Langue",
    "Récapitulatif",
    "Trop d’essais. Rien n’a été débité ; attendez dix minutes avant d’essayer encore.",
    "Votre banque a confirmé que c’est vous.",
    "Votre banque n’a pas confirmé que c’est vous.",
    {
        "issuer": "une fraude serait à la charge de la banque de la carte",
        "merchant": "une fraude serait à la charge du site",
    },
    "Cartes d’essai",
    "Réseau d’essai : un clic remplit la page.",
    {
        "domestic": "Nationale",
        "challenged": "Code par SMS",
        "unenrolled": "Sans 3-D Secure",
        "foreign": "Étrangère",
        "refused": "Refusée",
        "rejected": "Rejetée par 3-D Secure",
    },
)
_AR: Final = Texts(
    "أداء آمن",
    "تؤدي إلى",
    "الطلب",
    "رقم البطاقة",
    "تاريخ الانتهاء (شهر/سنة)",
    "رمز الأمان",
    "الأرقام الثلاثة على ظهر البطاقة",
    "أداء",
    "إلغاء والرجوع إلى الموقع",
    "البطاقات المقبولة",
    "تحقق من رقم البطاقة: أحد الأرقام غير صحيح.",
    "تحقق من التاريخ: شهر وسنة البطاقة، غير منتهية الصلاحية.",
    "يتكون رمز الأمان من 3 أرقام.",
    "رفض بنك البطاقة هذا الأداء.",
    "لم يُخصم أي مبلغ. يمكنك تجربة بطاقة أخرى.",
    "تعذر الاتصال بشبكة الأداء حاليا.",
    "لم يُخصم أي مبلغ. حاول مرة أخرى بعد لحظة، بالبطاقة نفسها إن شئت.",
    "لم يُخصم أي مبلغ.",
    "الأداء جارٍ…",
    "لا تغلق هذه الصفحة. يستغرق ذلك بضع ثوانٍ.",
    "تم قبول الأداء",
    "ستتم إعادتك إلى موقع التاجر.",
    "لم يتم الأداء",
    "لقد ألغيت الأداء.",
    "انتهى الوقت. لم يُخصم أي مبلغ.",
    "لم يكتمل الأداء. يُعاد كل مبلغ محجوز.",
    "الرجوع إلى موقع التاجر",
    "المواقع الآمنة",
    "تقبل مواقع التجار هذه البطاقات عبر صفحة الأداء هذه.",
    "طلب الأداء مرفوض",
    "أرسل موقع التاجر طلبا غير صالح. لم يُخصم أي مبلغ؛ أخبر التاجر بذلك.",
    "غير متاح حاليا",
    "أعد تحميل هذه الصفحة بعد بضع دقائق. إذا كنت قد أدخلت بطاقة فلا تؤدِّ في مكان آخر قبل ذلك: "
    "ستخبرك هذه الصفحة بما آل إليه الأداء.",
    "تنتهي صلاحية هذه الصفحة على الساعة",
    "بيانات بطاقتك مشفرة ولا تُرسل إلى التاجر.",
    "اللغة",
    "ملخص",
    "محاولات كثيرة جدا. لم يُخصم أي مبلغ؛ انتظر عشر دقائق قبل المحاولة مرة أخرى.",
    "أكد بنكك أنك صاحب البطاقة.",
    "لم يؤكد بنكك أنك صاحب البطاقة.",
    {"issuer": "يتحمل بنك البطاقة خسارة أي احتيال", "merchant": "يتحمل الموقع خسارة أي احتيال"},
    "بطاقات للتجربة",
    "شبكة تجريبية: نقرة واحدة تملأ الصفحة.",
    {
        "domestic": "وطنية",
        "challenged": "رمز عبر رسالة",
        "unenrolled": "بدون \u20663-D Secure\u2069",
        "foreign": "أجنبية",
        "refused": "مرفوضة",
        "rejected": "مرفوضة من \u20663-D Secure\u2069",
    },
)
_EN: Final = Texts(
    "Secure payment",
    "You are paying",
    "Order",
    "Card number",
    "Expiry (MM/YY)",
    "Security code",
    "The 3 digits on the back of the card",
    "Pay",
    "Cancel and go back to the shop",
    "Cards accepted",
    "Check the card number: a digit is not right.",
    "Check the date: month and year of the card, not expired.",
    "The security code has 3 digits.",
    "The card’s bank has declined the payment.",
    "You were not charged. You can try another card.",
    "The payment network cannot be reached at the moment.",
    "You were not charged. Try again in a moment, with the same card if you like.",
    "You were not charged.",
    "Paying…",
    "Do not close this page. It takes a few seconds.",
    "Payment approved",
    "You are being taken back to the shop.",
    "Not paid",
    "You have cancelled the payment.",
    "Time is up. You were not charged.",
    "The payment was not completed. Any amount held is given back.",
    "Back to the shop",
    "Secured sites",
    "These shops take cards by this payment page.",
    "Payment request refused",
    "The shop has sent a request that is not valid. Nothing was charged; please tell the shop.",
    "Not available at the moment",
    "Please load this page again in a few minutes. If you have typed a card already, do not pay again elsewhere before: this "
    "page will say what has become of it.",
    "This page ends at",
    "Your card data is encrypted, and is not given to the shop.",
    "Language",
    "Summary",
    "Too many tries. Nothing was charged; wait ten minutes before you try again.",
    "Your bank has confirmed that it is you.",
    "Your bank has not confirmed that it is you.",
    {"issuer": "a fraud would be the card’s bank’s loss", "merchant": "a fraud would be the shop’s loss"},
    "Test cards",
    "A test network: one click fills in the page.",
    {
        "domestic": "Domestic",
        "challenged": "Code by SMS",
        "unenrolled": "Not in 3-D Secure",
        "foreign": "Foreign",
        "refused": "Refused",
        "rejected": "Rejected by 3-D Secure",
    },
)

TEXTS: Final = {"fr": _FR, "ar": _AR, "en": _EN}
NAMES: Final = {"fr": "Français", "ar": "العربية", "en": "English"}
DIRECTIONS: Final = {"fr": "ltr", "ar": "rtl", "en": "ltr"}
