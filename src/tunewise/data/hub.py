"""Hub: data sets of the `datasets` library, from its hub or from a folder it saved."""

import inspect
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tunewise.data.records import part_named
from tunewise.data.remarks import Remarks
from tunewise.data.tables import Place, Row, Table
from tunewise.data.textfile import exists
from tunewise.errors import DataError
from tunewise.extras import need

PREFIX = "hf:"
_SAVED = ("dataset_dict.json", "state.json")


def is_saved(folder: Path) -> bool:
    """Whether `save_to_disk` of the datasets library wrote this folder."""
    return any((folder / name).is_file() for name in _SAVED)


def hub_tables(name: str, remarks: Remarks) -> list[tuple[str | None, Table]]:
    """The tables of `hf:NAME[:config][:split]`, each with the part it is.

    A NAME that is a path on this machine is read from there. Splits named train, validation
    (or dev) and test are parts; a split asked for by name is not divided.
    Raises DataError if it cannot be loaded, MissingExtra without the datasets library.
    """
    name, config, split = _asked(name)
    splits = _splits(name, config)
    if split is not None:
        if split not in splits:
            raise DataError(
                f"'{name}' has no split '{split}', but {', '.join(splits)}. Name one of these."
            )
        return [(None, _table(f"{name}:{split}", splits[split]))]
    divided = [key for key in splits if part_named(key)]
    if not divided and len(splits) == 1:
        return [(None, _table(name, dataset)) for dataset in splits.values()]
    if not divided:
        raise DataError(
            f"The splits of '{name}' are {', '.join(splits)}; none is train, validation or test. "
            f"Say which one to read: {PREFIX}{name}::{next(iter(splits), 'split')}"
        )
    for key in splits:
        if key not in divided:
            remarks.add("D010", f"split '{key}' of '{name}'")
    return [(part_named(key), _table(f"{name}:{key}", splits[key])) for key in divided]


def _asked(name: str) -> tuple[str, str | None, str | None]:
    rest = name.removeprefix(PREFIX)
    if rest and exists(Path(rest)):
        return rest, None, None
    repository, *more = rest.split(":")
    if not repository or len(more) > 2:
        raise DataError(
            f"'{name}' does not name a data set. Write {PREFIX}NAME, {PREFIX}NAME:CONFIG or "
            f"{PREFIX}NAME:CONFIG:SPLIT (CONFIG may be empty)."
        )
    config, split = [*(part or None for part in more), None, None][:2]
    return repository, config, split


def _splits(name: str, config: str | None) -> dict[str, Any]:
    datasets = need("datasets", extra="hub")
    errors = need("datasets.exceptions", extra="hub")
    try:
        found = _loaded(datasets, name, config)
    except (OSError, ValueError, errors.DatasetsError) as wrong:
        reason = next(iter(str(wrong).splitlines()), type(wrong).__name__)
        raise DataError(
            f"The data set '{name}' cannot be loaded: {reason.rstrip('.')}. Check its name and "
            "the network, or load it elsewhere and bring the folder that save_to_disk writes."
        ) from wrong
    return dict(found) if isinstance(found, datasets.DatasetDict) else {"data": found}


def _loaded(datasets: Any, name: str, config: str | None) -> Any:
    if is_saved(Path(name)):
        return datasets.load_from_disk(name)
    # Old versions would ask whether to run code from the hub; new ones cannot run any.
    asks = "trust_remote_code" in inspect.signature(datasets.load_dataset).parameters
    return datasets.load_dataset(name, config, **({"trust_remote_code": False} if asks else {}))


def _table(source: str, dataset: Any) -> Table:
    columns = tuple(str(name) for name in dataset.column_names)
    return Table(source, columns, partial(_rows, source, dataset.with_format(None)))


def _rows(source: str, dataset: Any, columns: Sequence[str]) -> Iterator[Row]:
    number = 0
    for batch in dataset.select_columns(list(columns)).iter(batch_size=1000):
        for values in zip(*(batch[name] for name in columns), strict=True):
            number += 1
            yield Place("Row", number, source), dict(zip(columns, values, strict=True))
