"""Files become text with places, and text becomes chunks.

`read.py` reads whatever is at a path or address, document by document; what fails is a `Failure`
with its reason. `chunks.py` cuts a document into pieces that an encoder can take whole.
"""

from tunewise.documents.chunks import cut
from tunewise.documents.document import Chunk, Document, Failure
from tunewise.documents.limits import Limits
from tunewise.documents.read import read_documents
from tunewise.documents.words import words

__all__ = ["Chunk", "Document", "Failure", "Limits", "cut", "read_documents", "words"]
