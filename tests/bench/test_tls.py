"""The bench of TLS measures what it says: messages come and leave whole, with and without."""

from switch.bench.tls import BATCHES, Cost, costs, handshake_us


def test_what_tls_adds_is_measured_for_both_versions() -> None:
    for version in ("1.2", "1.3"):
        cost = costs(version, BATCHES[1], 0.02, 1)
        assert (cost.version, cost.batch) == (version, 8)
        assert cost.received_us > 0
        assert handshake_us(version, 1) > 100


def test_what_costs_more_than_is_aimed_at_is_said() -> None:
    assert Cost(version="1.3", batch=1, received_us=11.9, sent_us=2).held
    assert not Cost(version="1.3", batch=1, received_us=12.1, sent_us=2).held
