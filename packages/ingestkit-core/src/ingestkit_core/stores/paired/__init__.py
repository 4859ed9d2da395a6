"""A vector store and a SQL database that belong to somebody else, kept in step by a journal of our own.

Two foreign stores cannot change in one transaction. So the journal, an embedded store in a file, holds the
documents whole; search, ``sql``, ``export`` and ``status`` read it and see a document's old version or its new
one. What the foreign stores hold is written before the journal changes and swept after::

    note what is to be written ─► write it beside what is there ─► commit the journal ─► sweep what it replaced
                                                                        │
              killed before: the next owner sweeps the new  ◄───────────┴───────────► killed after: it sweeps the old

A generation's points and tables have names made from its content, its tables' from its settings too, so no table is
overwritten by another's. A point may be: by that of the same chunk read under other settings. If that version is never
committed, the sweep writes the committed one's again. The points of another embedder go into a collection of their
own, all of them before the journal changes.

store        the DocumentStore
generations  which of the artifacts in the foreign stores belong to which version of a document
moving       a stored document under another name
foreign      what is written into the foreign stores and taken out of them, their errors translated
"""

from ingestkit_core.stores.paired.store import PairedStore

__all__ = ["PairedStore"]
