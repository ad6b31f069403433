"""Reading: labelled texts, and those that have none of the labels.

| what says that a text has none of the labels | where it is said |
|---|---|
| its label | `Source.options["none"]`: one label, or several with commas between |
| a label called oos, out of scope or none of these | nowhere: it is taken so, and told (D120) |
| the file it is in | `Source.files["odd"]`: a file or folder with nothing but such texts |

`Source.options["alarms"]` is the share of texts with a label that may be answered with none (0.05).
Where it is given and no text is out of scope, there is a threshold all the same.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tunewise.data.examples import read_examples
from tunewise.data.fields import listed
from tunewise.data.labelled import LabelledTexts
from tunewise.data.outside import Outside
from tunewise.data.remarks import Remarks
from tunewise.errors import DataError, OptionError
from tunewise.finding import Finding
from tunewise.kinds.anomaly.reading import alarms_of, labels_in, read_marked
from tunewise.kinds.classification.heads import readable
from tunewise.kinds.kind import Source

_OPTIONS, _FILES = ("none", "alarms"), ("odd",)
_USUAL = ("oos", "out of scope", "none of these")
_TOLD = ("D110", "D111", "D112")  # findings on odd texts


def read_labelled(source: Source) -> LabelledTexts:
    """The labelled texts at `source.path` in their parts, those out of scope kept apart.

    Raises DataError for what cannot be used, OptionError for options, files and columns that do
    not exist.
    """
    for named, known in ((source.options, _OPTIONS), (source.files, _FILES)):
        if unknown := [name for name in named if name not in known]:
            raise OptionError(
                f"'{unknown[0]}' is nothing that classification asks for. Choose from "
                f"{', '.join(known)}, or leave it out."
            )
    alarms = alarms_of(source.options)
    columns = source.columns or None
    found = read_examples(source.path, kind="labelled", columns=columns, seed=source.seed)
    assert isinstance(found, LabelledTexts)  # noqa: S101 - the kind was named
    given = {"files": dict(source.files), "options": dict(source.options)}
    found = replace(found, read_with={**found.read_with, **given})
    names, findings = _none_of(found, source)
    if not (names or source.files or "alarms" in source.options):
        return found
    return _apart(found, names, findings, alarms, source)


def _none_of(found: LabelledTexts, source: Source) -> tuple[Sequence[str], tuple[Finding, ...]]:
    """The labels that say that a text has none of the others, and what is to be said of it."""
    if "none" in source.options:
        wanted = sorted(labels_in(source.options["none"]))
        if absent := [name for name in wanted if name not in found.names]:
            shown = listed(found.names)
            raise DataError(
                f"No text of '{source.path}' has the label '{absent[0]}', which was named as none "
                f"of the others. Its labels are {shown}. Check the spelling (capitals count)."
            )
        return wanted, ()
    spoken = zip(found.names, readable(found.names), strict=True)
    usual = [name for name, words in spoken if words in _USUAL]
    remarks = Remarks()
    for name in usual:
        count = int(np.sum(found.labels == found.names.index(name)))
        remarks.add("D120", f"'{name}': {count} texts", times=count)
    return usual, remarks.findings()


def _apart(
    found: LabelledTexts,
    names: Sequence[str],
    findings: tuple[Finding, ...],
    alarms: float,
    source: Source,
) -> LabelledTexts:
    """The texts with a label of their own, and beside them those with none."""
    outside = Outside([], np.empty(0, dtype="U5"), alarms)
    if names or source.files:
        options = {"odd": ",".join(names)} if names else {}
        marked = read_marked(replace(source, options=options))
        odd = marked.among(np.flatnonzero(marked.odd))
        outside = Outside(odd.texts, odd.parts, alarms)
        findings += tuple(one for one in marked.findings if one.code in _TOLD)
    kept = [place for place, name in enumerate(found.names) if name not in names]
    inside = found.among(np.flatnonzero(np.isin(found.labels, kept)))
    if len(kept) < 2 or len(set(inside.take("train").labels.tolist())) < 2:
        raise DataError(
            f"The texts of '{source.path}' to learn from that are in scope have one label, so "
            "there is nothing to tell apart. Measure that as an anomaly: --kind anomaly."
        )
    return replace(
        inside,
        labels=np.searchsorted(kept, inside.labels),
        names=[found.names[place] for place in kept],
        outside=outside,
        findings=tuple(sorted((*found.findings, *findings), key=lambda one: one.code)),
    )
