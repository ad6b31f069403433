"""Progress where there is no terminal: a line when a step begins, not for every word of it."""

from tunewise.cli.progress import Bars, Lines


def test_a_step_that_says_how_it_goes_is_one_step(capsys):
    lines = Lines()
    for step in range(50):
        lines(f"tuning (full): dev {step / 50:.3f}", step, 50)
    lines("saving", 0, 0)
    assert capsys.readouterr().err.splitlines() == ["tuning (full): dev 0.000: 0 of 50", "saving"]


def test_a_bar_shows_what_is_said_last(capsys):
    bars = Bars()
    for step in range(1, 51):
        bars(f"tuning (full): dev {step / 50:.3f}", step, 50)
    bars.close()
    shown = capsys.readouterr().err
    assert "dev 1.000" in shown
    assert shown.count("\n") == 1
