"""What a hop through a network costs, looked up by route. Domestic circuits cost nothing per message."""

from switch.core.network import Network
from switch.core.routing.routing import Decision
from switch.money import HopCosts
from switch.wire.vocabulary import DE, Document


class Tariffs:
    """The tariffs of a network file."""

    def __init__(self, network: Network) -> None:
        self._home_country = network.country
        self._home = network.currency
        self._by_host = {t.network: HopCosts(t, network.rates, network.currency) for t in network.tariffs}

    def cost(self, decision: Decision, document: Document, amount: int) -> int:
        """Minor units of the home currency for forwarding `document` as decided; a currency without a rate costs the flat fee."""
        costs = self._by_host.get(decision.host)
        if costs is None:
            return 0
        country = decision.bin.country if decision.bin is not None else ""
        cross_border = country != document.get(DE.ACQUIRER_COUNTRY, self._home_country)
        return costs.cost(amount, document.get(DE.CURRENCY, self._home), cross_border)
