"""The embedded store: one SQLite file in WAL mode. A document is one transaction.

store      the DocumentStore
by_hand    VectorStoreBackend and StructuredDBBackend beside it
file       connections: one that writes, some that read, errors translated
schema     its tables, and how an older file becomes a current one
documents  what a document brings, put in and taken out inside a transaction
tables     its typed tables
nearness   the nearest chunks by their vectors, which are kept in memory
looking    search, catalog, status: reads inside a snapshot
query      one SELECT by somebody we do not know
"""

from ingestkit_core.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
