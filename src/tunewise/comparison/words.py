"""A difference as people read it, the same in sentences, tables and logs."""

_FINEST = 6  # decimals beyond which a difference is none


def signed(value: float) -> str:
    """A difference with its sign and three decimals, or as many more as show that it is not 0.

    Whether an interval ends just above or just below 0 decides an answer, so "-0.000" would hide
    what matters.

    >>> signed(0.15), signed(-0.0004), signed(-1e-9), signed(0.0)
    ('+0.150', '-0.0004', '0.000', '0.000')
    """
    for decimals in range(3, _FINEST + 1):
        told = f"{value:+.{decimals}f}"
        if float(told):
            return told
    return "0.000"


def signed_interval(low: float, high: float) -> str:
    """The ends of an interval around a difference.

    >>> signed_interval(-0.0001, 0.019)
    '[-0.0001, +0.019]'
    """
    return f"[{signed(low)}, {signed(high)}]"
