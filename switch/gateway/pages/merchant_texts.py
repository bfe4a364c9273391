"""The words of the merchants' pages, in French, Arabic and English."""

from typing import Final

import msgspec


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """Every text of the merchants' pages in one language."""

    space: str
    number: str
    password: str
    log_in: str
    log_out: str
    wrong: str
    ended: str
    orders: str
    search: str
    search_hint: str
    find: str
    nothing: str
    newer: str
    older: str
    order: str
    amount: str
    state: str
    date: str
    card: str
    reference: str
    approval: str
    captured: str
    credited: str
    fees: str
    net: str
    window: str
    settles: str
    unknown: str
    story: str
    calls: str
    no_calls: str
    tries: str
    actions: str
    capture: str
    void: str
    refund: str
    resend: str
    sum: str
    void_hint: str
    no_actions: str
    done: str
    under_way: str
    refused_step: str
    not_an_amount: str
    refused: str
    refused_hint: str
    statements: str
    statements_hint: str
    payments: str
    cut: str
    stages: dict[str, str]
    moves: dict[str, str]


_FR: Final = Words(
    space="Espace marchand",
    number="Numéro de marchand",
    password="Mot de passe",  # noqa: S106 - a label
    log_in="Se connecter",
    log_out="Se déconnecter",
    wrong="Numéro ou mot de passe incorrect, ou trop d’essais : attendez dix minutes.",
    ended="Votre session a pris fin. Connectez-vous à nouveau.",
    orders="Commandes",
    search="Rechercher",
    search_hint="Numéro de commande, référence, autorisation ou 4 derniers chiffres de la carte",
    find="Chercher",
    nothing="Aucune commande.",
    newer="Plus récentes",
    older="Plus anciennes",
    order="Commande",
    amount="Montant",
    state="État",
    date="Date",
    card="Carte",
    reference="Référence",
    approval="Autorisation",
    captured="Encaissé",
    credited="Remboursé",
    fees="Frais, taxe comprise",
    net="Net pour vous",
    window="Fenêtre de compensation",
    settles="Réglé le",
    unknown="non communiqué",
    story="Historique",
    calls="Appels à votre serveur",
    no_calls="Aucun appel.",
    tries="essais",
    actions="Actions",
    capture="Encaisser",
    void="Annuler",
    refund="Rembourser",
    resend="Renvoyer l’appel",
    sum="Somme",
    void_hint="Rend tout au client.",
    no_actions="Rien à faire pour l’instant.",
    done="C’est fait.",
    under_way="C’est enregistré, et envoyé jusqu’à confirmation.",
    refused_step="Cela n’a pas été fait :",
    not_an_amount="La somme n’est pas valable : des chiffres, au plus deux décimales, au-dessus de 0.",
    refused="Refus",
    refused_hint="Formulaires, cartes et mots de passe refusés, et pourquoi. Les plus récents d’abord.",
    statements="Relevés",
    statements_hint="Encaissements par fenêtre de compensation, à ce jour : un remboursement est montré avec son paiement.",
    payments="Paiements",
    cut="Les {shown} premiers paiements de {all} ; le fichier CSV les a tous.",
    stages={
        "open": "ouverte",
        "authenticating": "chez la banque de la carte",
        "authorizing": "en cours",
        "declined": "refusée",
        "approved": "acceptée",
        "held": "réservée",
        "capturing": "encaissement en cours",
        "captured": "encaissée",
        "crediting": "remboursement en cours",
        "reversing": "annulation en cours",
        "reversed": "annulée",
        "cancelled": "abandonnée",
        "expired": "expirée",
    },
    moves={
        "open": "demande reçue",
        "authenticate": "banque interrogée",
        "challenge": "code demandé",
        "result": "réponse de la banque",
        "refuse": "porteur non authentifié",
        "submit": "carte saisie",
        "approve": "acceptée par la banque",
        "decline": "refusée par la banque",
        "give_up": "sans réponse : annulation",
        "not_sent": "pas envoyée : commutateur injoignable",
        "hold": "réservée",
        "capture": "encaissement demandé",
        "posted": "encaissée",
        "not_posted": "encaissement refusé",
        "take_back": "annulation demandée",
        "taken_back": "annulée",
        "credit": "remboursement demandé",
        "credited": "remboursée",
        "not_credited": "remboursement refusé",
        "cancel": "abandonnée par le client",
        "expire": "expirée",
    },
)
_AR: Final = Words(
    space="فضاء التاجر",
    number="رقم التاجر",
    password="كلمة السر",  # noqa: S106
    log_in="دخول",
    log_out="خروج",
    wrong="الرقم أو كلمة السر غير صحيحة، أو محاولات كثيرة: انتظر عشر دقائق.",
    ended="انتهت جلستك. ادخل من جديد.",
    orders="الطلبات",
    search="بحث",
    search_hint="رقم الطلب أو المرجع أو الترخيص أو آخر 4 أرقام من البطاقة",
    find="ابحث",
    nothing="لا توجد طلبات.",
    newer="الأحدث",
    older="الأقدم",
    order="الطلب",
    amount="المبلغ",
    state="الحالة",
    date="التاريخ",
    card="البطاقة",
    reference="المرجع",
    approval="الترخيص",
    captured="المحصل",
    credited="المسترجع",
    fees="الرسوم مع الضريبة",
    net="الصافي لك",
    window="نافذة المقاصة",
    settles="تاريخ التسوية",
    unknown="غير معروف",
    story="المسار",
    calls="الاتصالات بخادمك",
    no_calls="لا توجد اتصالات.",
    tries="محاولات",
    actions="الإجراءات",
    capture="تحصيل",
    void="إلغاء",
    refund="استرجاع",
    resend="إعادة الاتصال",
    sum="المبلغ",
    void_hint="يُعاد كل المبلغ إلى الزبون.",
    no_actions="لا شيء للقيام به الآن.",
    done="تم ذلك.",
    under_way="تم التسجيل، ويُرسل حتى التأكيد.",
    refused_step="لم يتم ذلك:",
    not_an_amount="المبلغ غير صالح: أرقام، برقمين عشريين على الأكثر، أكبر من 0.",
    refused="الرفض",
    refused_hint="النماذج والبطاقات وكلمات السر المرفوضة وسبب رفضها، الأحدث أولا.",
    statements="كشوف الحساب",
    statements_hint="ما تم تحصيله حسب نافذة المقاصة، كما هو اليوم: يظهر كل استرداد مع دفعته.",
    payments="المدفوعات",
    cut="أول {shown} دفعة من {all}؛ ملف CSV يحتوي عليها كلها.",
    stages={
        "open": "مفتوح",
        "authenticating": "لدى بنك البطاقة",
        "authorizing": "قيد المعالجة",
        "declined": "مرفوض",
        "approved": "مقبول",
        "held": "محجوز",
        "capturing": "قيد التحصيل",
        "captured": "محصل",
        "crediting": "قيد الاسترجاع",
        "reversing": "قيد الإلغاء",
        "reversed": "ملغى",
        "cancelled": "تخلى عنه الزبون",
        "expired": "منتهي",
    },
    moves={
        "open": "وصل الطلب",
        "authenticate": "سئل البنك",
        "challenge": "طُلب رمز",
        "result": "جواب البنك",
        "refuse": "لم يوثّق حامل البطاقة",
        "submit": "أُدخلت البطاقة",
        "approve": "قبله البنك",
        "decline": "رفضه البنك",
        "give_up": "بلا جواب: إلغاء",
        "not_sent": "لم يُرسل: تعذر الاتصال بالمبدّل",
        "hold": "حُجز المبلغ",
        "capture": "طُلب التحصيل",
        "posted": "تم التحصيل",
        "not_posted": "رُفض التحصيل",
        "take_back": "طُلب الإلغاء",
        "taken_back": "تم الإلغاء",
        "credit": "طُلب الاسترجاع",
        "credited": "تم الاسترجاع",
        "not_credited": "رُفض الاسترجاع",
        "cancel": "تخلى عنه الزبون",
        "expire": "انتهى",
    },
)
_EN: Final = Words(
    space="Merchant area",
    number="Merchant number",
    password="Password",  # noqa: S106
    log_in="Log in",
    log_out="Log out",
    wrong="Number or password is not right, or there were too many tries: wait ten minutes.",
    ended="Your session has ended. Log in again.",
    orders="Orders",
    search="Search",
    search_hint="Order id, reference, approval code or last 4 digits of the card",
    find="Find",
    nothing="No orders.",
    newer="Newer",
    older="Older",
    order="Order",
    amount="Amount",
    state="State",
    date="Date",
    card="Card",
    reference="Reference",
    approval="Approval",
    captured="Captured",
    credited="Given back",
    fees="Fees, tax included",
    net="Net to you",
    window="Clearing window",
    settles="Settled at",
    unknown="not said",
    story="Story",
    calls="Calls to your server",
    no_calls="No calls.",
    tries="tries",
    actions="Actions",
    capture="Capture",
    void="Void",
    refund="Refund",
    resend="Send the call again",
    sum="Sum",
    void_hint="Gives all of it back to the customer.",
    no_actions="Nothing can be done now.",
    done="Done.",
    under_way="It is kept, and sent until it is acknowledged.",
    refused_step="That was not done:",
    not_an_amount="The sum is not valid: digits, at most two decimals, above 0.",
    refused="Refused",
    refused_hint="Forms, cards and passwords that were refused, and why. Newest first.",
    statements="Statements",
    statements_hint="What was captured, by clearing window, as it stands today: a refund is shown with its payment.",
    payments="Payments",
    cut="The first {shown} payments of {all}; the CSV file has them all.",
    stages={
        "open": "open",
        "authenticating": "at the card’s bank",
        "authorizing": "under way",
        "declined": "declined",
        "approved": "approved",
        "held": "held",
        "capturing": "being captured",
        "captured": "captured",
        "crediting": "being refunded",
        "reversing": "being voided",
        "reversed": "voided",
        "cancelled": "cancelled",
        "expired": "expired",
    },
    moves={
        "open": "asked for",
        "authenticate": "bank asked",
        "challenge": "code asked for",
        "result": "the bank’s answer",
        "refuse": "cardholder not authenticated",
        "submit": "card entered",
        "approve": "approved by the bank",
        "decline": "declined by the bank",
        "give_up": "no answer: taken back",
        "not_sent": "not sent: the switch was away",
        "hold": "held",
        "capture": "capture asked",
        "posted": "captured",
        "not_posted": "capture refused",
        "take_back": "void asked",
        "taken_back": "voided",
        "credit": "refund asked",
        "credited": "refunded",
        "not_credited": "refund refused",
        "cancel": "cancelled by the customer",
        "expire": "expired",
    },
)
WORDS: Final = {"fr": _FR, "ar": _AR, "en": _EN}
