"""What a hop through a network costs, looked up by route. Domestic circuits cost nothing per message."""

from switch.core.network import Network
from switch.core.routing import Decision
from switch.money.tariff import hop_cost
from switch.wire.vocabulary import DE, Document


class Tariffs:
    """The tariffs of a network file."""

    def __init__(self, network: Network) -> None:
        self._home_country = network.country
        self._home = network.currency
        self._rates = network.rates
        self._by_host = {t.network: t for t in network.tariffs}

    def cost(self, decision: Decision, document: Document, amount: int) -> int:
        """Minor units of the home currency for forwarding `document` as decided."""
        tariff = self._by_host.get(decision.host)
        if tariff is None:
            return 0
        country = decision.bin.country if decision.bin is not None else ""
        cross_border = country != document.get(DE.ACQUIRER_COUNTRY, self._home_country)
        return hop_cost(tariff, amount, document.get(DE.CURRENCY, self._home), cross_border, self._rates, self._home)
