"""Queries made of the documents, for whoever has documents and nothing else yet.

`drafts.py` takes titles, headings or sentences out of the documents, `model.py` has a language
model ask, `trip.py` keeps what finds its document again, and `make_task` is the whole of it.
"""

from tunewise.making.making import WAYS, check_made_place, make_task
from tunewise.making.model import LanguageModel

__all__ = ["WAYS", "LanguageModel", "check_made_place", "make_task"]
