"""The words of the payment page, in French, Arabic and English."""

from typing import Final

import msgspec


class Texts(msgspec.Struct, frozen=True, kw_only=True):
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
    secure="Paiement sécurisé",
    pay_to="Vous payez",
    order="Commande",
    card_number="Numéro de carte",
    expiry="Expiration (MM/AA)",
    cvv="Code de sécurité",
    cvv_hint="Les 3 chiffres au dos de la carte",
    pay="Payer",
    cancel="Annuler et revenir au site",
    wrong_number="Vérifiez le numéro de carte : un chiffre ne va pas.",
    wrong_expiry="Vérifiez la date : mois et année de la carte, non expirée.",
    wrong_cvv="Le code de sécurité a 3 chiffres.",
    declined="Le paiement a été refusé par la banque de la carte.",
    try_again="Vous n’avez pas été débité. Vous pouvez essayer une autre carte.",
    not_sent="Le réseau de paiement est momentanément injoignable.",
    same_again="Vous n’avez pas été débité. Essayez encore dans un instant, avec la même carte si vous voulez.",
    no_more="Vous n’avez pas été débité.",
    working="Paiement en cours…",
    working_hint="Ne fermez pas cette page. Cela prend quelques secondes.",
    approved="Paiement accepté",
    approved_hint="Vous allez être redirigé vers le site marchand.",
    not_paid="Paiement non effectué",
    cancelled="Vous avez annulé le paiement.",
    expired="Le temps est écoulé. Vous n’avez pas été débité.",
    taken_back="Le paiement n’a pas abouti. Toute somme réservée est rendue.",
    back_to_shop="Revenir au site marchand",
    sites="Sites sécurisés",
    sites_hint="Ces sites marchands acceptent les cartes par cette page de paiement.",
    refused="Demande de paiement refusée",
    refused_hint="Le site marchand a envoyé une demande qui n’est pas valable. Rien n’a été débité ; signalez-le au marchand.",
    unavailable="Indisponible pour le moment",
    unavailable_hint="Rechargez cette page dans quelques minutes. Si vous avez déjà saisi une carte, ne payez pas encore "
    "ailleurs : cette page dira ce qu’il en est advenu.",
    ends="Cette page expire à",
    protected="Vos données de carte sont chiffrées et ne sont pas communiquées au marchand.",
    language="Langue",
    summary="Récapitulatif",
    too_many="Trop d’essais. Rien n’a été débité ; attendez dix minutes avant d’essayer encore.",
    proved="Votre banque a confirmé que c’est vous.",
    not_proved="Votre banque n’a pas confirmé que c’est vous.",
    liability={
        "issuer": "une fraude serait à la charge de la banque de la carte",
        "merchant": "une fraude serait à la charge du site",
    },
    test_cards="Cartes d’essai",
    test_hint="Réseau d’essai : un clic remplit la page.",
    test_kinds={
        "domestic": "Nationale",
        "challenged": "Code par SMS",
        "unenrolled": "Sans 3-D Secure",
        "foreign": "Étrangère",
        "refused": "Refusée",
        "rejected": "Rejetée par 3-D Secure",
    },
)
_AR: Final = Texts(
    secure="أداء آمن",
    pay_to="تؤدي إلى",
    order="الطلب",
    card_number="رقم البطاقة",
    expiry="تاريخ الانتهاء (شهر/سنة)",
    cvv="رمز الأمان",
    cvv_hint="الأرقام الثلاثة على ظهر البطاقة",
    pay="أداء",
    cancel="إلغاء والرجوع إلى الموقع",
    wrong_number="تحقق من رقم البطاقة: أحد الأرقام غير صحيح.",
    wrong_expiry="تحقق من التاريخ: شهر وسنة البطاقة، غير منتهية الصلاحية.",
    wrong_cvv="يتكون رمز الأمان من 3 أرقام.",
    declined="رفض بنك البطاقة هذا الأداء.",
    try_again="لم يُخصم أي مبلغ. يمكنك تجربة بطاقة أخرى.",
    not_sent="تعذر الاتصال بشبكة الأداء حاليا.",
    same_again="لم يُخصم أي مبلغ. حاول مرة أخرى بعد لحظة، بالبطاقة نفسها إن شئت.",
    no_more="لم يُخصم أي مبلغ.",
    working="الأداء جارٍ…",
    working_hint="لا تغلق هذه الصفحة. يستغرق ذلك بضع ثوانٍ.",
    approved="تم قبول الأداء",
    approved_hint="ستتم إعادتك إلى موقع التاجر.",
    not_paid="لم يتم الأداء",
    cancelled="لقد ألغيت الأداء.",
    expired="انتهى الوقت. لم يُخصم أي مبلغ.",
    taken_back="لم يكتمل الأداء. يُعاد كل مبلغ محجوز.",
    back_to_shop="الرجوع إلى موقع التاجر",
    sites="المواقع الآمنة",
    sites_hint="تقبل مواقع التجار هذه البطاقات عبر صفحة الأداء هذه.",
    refused="طلب الأداء مرفوض",
    refused_hint="أرسل موقع التاجر طلبا غير صالح. لم يُخصم أي مبلغ؛ أخبر التاجر بذلك.",
    unavailable="غير متاح حاليا",
    unavailable_hint="أعد تحميل هذه الصفحة بعد بضع دقائق. إذا كنت قد أدخلت بطاقة فلا تؤدِّ في مكان آخر قبل ذلك: "
    "ستخبرك هذه الصفحة بما آل إليه الأداء.",
    ends="تنتهي صلاحية هذه الصفحة على الساعة",
    protected="بيانات بطاقتك مشفرة ولا تُرسل إلى التاجر.",
    language="اللغة",
    summary="ملخص",
    too_many="محاولات كثيرة جدا. لم يُخصم أي مبلغ؛ انتظر عشر دقائق قبل المحاولة مرة أخرى.",
    proved="أكد بنكك أنك صاحب البطاقة.",
    not_proved="لم يؤكد بنكك أنك صاحب البطاقة.",
    liability={"issuer": "يتحمل بنك البطاقة خسارة أي احتيال", "merchant": "يتحمل الموقع خسارة أي احتيال"},
    test_cards="بطاقات للتجربة",
    test_hint="شبكة تجريبية: نقرة واحدة تملأ الصفحة.",
    test_kinds={
        "domestic": "وطنية",
        "challenged": "رمز عبر رسالة",
        "unenrolled": "بدون \u20663-D Secure\u2069",
        "foreign": "أجنبية",
        "refused": "مرفوضة",
        "rejected": "مرفوضة من \u20663-D Secure\u2069",
    },
)
_EN: Final = Texts(
    secure="Secure payment",
    pay_to="You are paying",
    order="Order",
    card_number="Card number",
    expiry="Expiry (MM/YY)",
    cvv="Security code",
    cvv_hint="The 3 digits on the back of the card",
    pay="Pay",
    cancel="Cancel and go back to the shop",
    wrong_number="Check the card number: a digit is not right.",
    wrong_expiry="Check the date: month and year of the card, not expired.",
    wrong_cvv="The security code has 3 digits.",
    declined="The card’s bank has declined the payment.",
    try_again="You were not charged. You can try another card.",
    not_sent="The payment network cannot be reached at the moment.",
    same_again="You were not charged. Try again in a moment, with the same card if you like.",
    no_more="You were not charged.",
    working="Paying…",
    working_hint="Do not close this page. It takes a few seconds.",
    approved="Payment approved",
    approved_hint="You are being taken back to the shop.",
    not_paid="Not paid",
    cancelled="You have cancelled the payment.",
    expired="Time is up. You were not charged.",
    taken_back="The payment was not completed. Any amount held is given back.",
    back_to_shop="Back to the shop",
    sites="Secured sites",
    sites_hint="These shops take cards by this payment page.",
    refused="Payment request refused",
    refused_hint="The shop has sent a request that is not valid. Nothing was charged; please tell the shop.",
    unavailable="Not available at the moment",
    unavailable_hint="Please load this page again in a few minutes. If you have typed a card already, do not pay again elsewhere "
    "before: this page will say what has become of it.",
    ends="This page ends at",
    protected="Your card data is encrypted, and is not given to the shop.",
    language="Language",
    summary="Summary",
    too_many="Too many tries. Nothing was charged; wait ten minutes before you try again.",
    proved="Your bank has confirmed that it is you.",
    not_proved="Your bank has not confirmed that it is you.",
    liability={"issuer": "a fraud would be the card’s bank’s loss", "merchant": "a fraud would be the shop’s loss"},
    test_cards="Test cards",
    test_hint="A test network: one click fills in the page.",
    test_kinds={
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
