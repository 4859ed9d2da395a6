"""The store for several machines: PostgreSQL with pgvector. A document is one transaction here too.

store        the DocumentStore, and VectorStoreBackend and StructuredDBBackend beside it
connections  transactions on a server that may go away; its errors translated
schema       its tables
documents    what a document brings, put in and taken out inside a transaction
tables       typed tables, loaded in bulk; values: what goes into their columns
vectors      vectors by text, and which embedder's are searched
words        text as PostgreSQL indexes it: the very tokens of the embedded store
looking      search, catalog, status: reads inside a snapshot
query        one SELECT by somebody we do not know
jobs         the journal of a queue
copying      a backup: the same documents in an embedded store
"""

from ingestkit_core.stores.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
