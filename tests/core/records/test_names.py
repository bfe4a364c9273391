"""Names of payments: each finds every payment that has it, oldest first, whatever comes and goes."""

from hypothesis import given
from hypothesis import strategies as st

from switch.core.records.names import Names
from switch.core.records.records import ACQUIRER, STAN, TERMINAL, Key

KEYS = st.tuples(*map(st.sampled_from, (["atlas", "rif"], ["2"], ["000001", "000002"], ["7"], ["32"], ["T1", "T2"])))
RRNS = st.sampled_from(["", "000000000001", "000000000002 "])


@given(st.lists(st.tuples(st.booleans(), KEYS), max_size=30), st.lists(RRNS, min_size=12, max_size=12))
def test_names_find_what_was_added_and_not_discarded(steps: list[tuple[bool, Key]], rrns: list[str]) -> None:
    names, there = Names(), dict[Key, str]()
    rrn_of = dict[Key, str]()
    for adds, key in steps:
        rrn = rrn_of.setdefault(key, rrns[len(rrn_of) % len(rrns)])
        if adds:
            names.add((*key[:5], key[5]), rrn)  # equal, and another object
            there.setdefault(key, rrn)
        else:
            names.discard(key, rrn)
            there.pop(key, None)
    for acquirer in ("atlas", "rif"):
        for stan in ("000001", "000002"):
            assert [*names.with_stan(acquirer, stan)] == [
                k for k in there if (k[ACQUIRER], k[STAN]) == (acquirer, stan)
            ]
        for rrn in ("000000000001", "000000000002"):
            expected = [k for k, said in there.items() if k[ACQUIRER] == acquirer and said.strip() == rrn]
            assert [*names.with_rrn(acquirer, rrn)] == expected
        for terminal in ("T1", "T2"):
            newest_first = [k for k in reversed(there) if (k[ACQUIRER], k[TERMINAL]) == (acquirer, terminal)]
            assert [*names.of_terminal(acquirer, terminal)] == newest_first
    for key, rrn in there.items():
        names.discard(key, rrn)
    assert names == Names()
