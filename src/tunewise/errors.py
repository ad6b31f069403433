"""Every error Tunewise raises on purpose.

All of them mean that the user can mend something, so the command line prints the
message without a traceback and exits with 2.

```
TunewiseError
├── DataError       the data cannot be used as it is
├── EncoderError    a model cannot be loaded, or its vectors cannot be used
├── OptionError     an argument has a value that makes no sense
├── OutputError     a result cannot be written
├── StoreError      a store cannot be reached, read or written
├── AbsentError     what was asked for is not there
├── BusyError       as much is waiting as may wait
└── MissingExtra    an optional package is needed
```

A message says what happened, why, and what to do about it.
"""


class TunewiseError(Exception):
    """The root: catch this to catch everything Tunewise raises on purpose."""


class DataError(TunewiseError):
    """The data cannot be used as it is."""


class EncoderError(TunewiseError):
    """A model cannot be loaded, or the vectors it returns cannot be used."""


class OptionError(TunewiseError):
    """An argument has a value that makes no sense."""


class OutputError(TunewiseError):
    """A result cannot be written: a read-only folder, a full disk."""


class StoreError(TunewiseError):
    """A store of vectors, files or jobs cannot be reached, is damaged, or refuses to write."""


class AbsentError(TunewiseError):
    """What was asked for by its name is not there (any more)."""


class BusyError(TunewiseError):
    """As much is waiting as may wait; the same asked later may be taken in."""


class MissingExtra(TunewiseError):  # noqa: N818 - reads as what it is: a missing extra
    """An optional package is needed; the message is the command that installs it."""
