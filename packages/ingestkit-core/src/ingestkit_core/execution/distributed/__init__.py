"""Documents on other machines: a queue carries their ids, the store's journal holds the rest.

    submit ─► record in the journal ─► id to the broker ─► worker: begin ─► read, commit ─► result in the journal
                                                                                              │
    get_result ◄──────────────────────────────────────────────────────────────────────────────┘   then the ack

backend  the ExecutionBackend: who submits and waits
worker   who takes ids from the broker and runs the jobs; what running means is handed in
keeping  a worker's pulse, and what becomes of the jobs of those whose pulse stopped
broker   Celery as transport: how it is set up, sending, counting

The broker is trusted with nothing but ids. A message that is lost is sent again from the journal, one that
comes twice changes nothing.
"""

from ingestkit_core.execution.distributed.backend import DistributedExecutionBackend

__all__ = ["DistributedExecutionBackend"]
