"""Numbers as a reader sees them: the same in the terminal and on the page.

Each function takes None for "not known" and gives a dash for it.
"""

from tunewise import comparison

UNKNOWN = "–"


def score(value: float | None) -> str:
    """A metric's value with three decimals.

    >>> score(0.70849), score(-0.0001)
    ('0.708', '0.000')
    """
    return UNKNOWN if value is None else f"{value:z.3f}"


def signed(value: float | None) -> str:
    """A difference with its sign, as `comparison.signed` tells it.

    >>> signed(0.15), signed(-0.0001), signed(0.0)
    ('+0.150', '-0.0001', '0.000')
    """
    return UNKNOWN if value is None else comparison.signed(value)


def interval(low: float | None, high: float | None) -> str:
    """The ends of an interval around a score.

    >>> interval(0.69, 0.726)
    '[0.690, 0.726]'
    """
    return "" if low is None or high is None else f"[{score(low)}, {score(high)}]"


def signed_interval(low: float | None, high: float | None) -> str:
    """The ends of an interval around a difference.

    >>> signed_interval(-0.0001, 0.019)
    '[-0.0001, +0.019]'
    """
    return "" if low is None or high is None else comparison.signed_interval(low, high)


def count(value: int | None) -> str:
    """A whole number, in groups of three digits.

    >>> count(12000)
    '12,000'
    """
    return UNKNOWN if value is None else f"{value:,}"


def plural(value: int, one: str, many: str | None = None) -> str:
    """A count with its noun.

    >>> plural(1, "query", "queries"), plural(1200, "group")
    ('1 query', '1,200 groups')
    """
    return f"{count(value)} {one if value == 1 else many or one + 's'}"


def seconds(value: float | None) -> str:
    """A duration given in seconds, in the unit a person would use.

    >>> seconds(0.0), seconds(0.42), seconds(75), seconds(9000)
    ('0 s', '0.42 s', '75 s', '2.5 h')
    """
    if value is None:
        return UNKNOWN
    if value >= 2 * 3600:
        return f"{value / 3600:.1f} h"
    if value >= 120:
        return f"{value / 60:.1f} min"
    return f"{_three_digits(value)} s"


def milliseconds(value: float | None) -> str:
    """A number of milliseconds without its unit, to about three digits.

    >>> milliseconds(0.312), milliseconds(12.0), milliseconds(1234.5)
    ('0.31', '12', '1,234')
    """
    return UNKNOWN if value is None else _three_digits(value)


def money(value: float | None, currency: str = "") -> str:
    """An amount of money; below a hundredth it says so instead of claiming 0.

    >>> money(0.0), money(0.004), money(12.4, "EUR"), money(12345.6)
    ('0', '<0.01', 'EUR 12.40', '12,346')
    """
    if value is None:
        return UNKNOWN
    if value == 0:
        text = "0"
    elif value < 0.01:
        text = "<0.01"
    else:
        text = f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"
    return f"{currency} {text}".strip()


def energy(value: float | None) -> str:
    """A number of kilowatt-hours without its unit, to about three digits.

    >>> energy(0.0), energy(0.0021), energy(100.74)
    ('0', '<0.01', '101')
    """
    return UNKNOWN if value is None else _three_digits(value)


def share(value: float | None) -> str:
    """A share of 1 in per cent; a small share is never shown as none.

    >>> share(0.983), share(0.0004), share(0.0)
    ('98 %', '<1 %', '0 %')
    """
    if value is None:
        return UNKNOWN
    if 0 < value < 0.005:
        return "<1 %"
    return f"{100 * value:.0f} %"


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    if value < 0.01:
        return "<0.01"
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 1 else f"{value:.1f}"
