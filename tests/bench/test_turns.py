"""What the switch's turns serve, by the processor's own time: short, for what the figures are made of."""

from click.testing import CliRunner

from switch.bench.turns import Figures, as_text, main


def test_capacity_comes_first_and_steps_of_it_are_offered_after_it() -> None:
    done = CliRunner().invoke(
        main, ["--links", "3", "--in-flight", "12", "--step", "0.5", "--seconds", "0.05", "--rounds", "1"]
    )
    assert done.exit_code == 0, done.output
    head, closed, half = done.output.splitlines()
    assert head.split()[:3] == ["offered", "goodput", "of"]
    assert closed.split()[0] == "closed"
    assert float(closed.split()[2]) == 1.0
    assert int(half.split()[1].replace(",", "")) > 0
    assert half.split()[3] == "0", "nothing is declined"


def test_a_line_has_the_medians_of_the_rounds_and_of_their_own_ratios() -> None:
    def figures(goodput: float, offered: float = 0) -> Figures:
        return Figures(
            offered=offered, goodput=goodput, declined=0, cpu_us=100, p50_us=2_000, p99_us=9_000, least=3, most=4
        )

    rounds = [[figures(1_000), figures(700, 5_000)], [figures(2_000), figures(1_800, 10_000)]]
    _, closed, offered = as_text(rounds).splitlines()
    assert closed.split() == ["closed", "1,500", "1.00", "0", "100.0", "2.0", "9.0", "3-4"]
    assert offered.split()[:3] == ["7,500", "1,250", "0.80"]
