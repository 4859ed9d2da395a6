"""What tests of ingestkit and of its parts need: doubles, faults, and a format that misbehaves on purpose."""

from ingestkit_core.testing.doubles import HashingEmbedder, MemoryStructuredDB, MemoryVectorStore, ScriptedLLM
from ingestkit_core.testing.faults import FAULTS, CannotTravel, misbehave
from ingestkit_core.testing.modelserver import Fault, ModelServer
from ingestkit_core.testing.textformat import TextConfig, TextRouter, write_text

__all__ = [
    "FAULTS",
    "CannotTravel",
    "Fault",
    "HashingEmbedder",
    "MemoryStructuredDB",
    "MemoryVectorStore",
    "ModelServer",
    "ScriptedLLM",
    "TextConfig",
    "TextRouter",
    "misbehave",
    "write_text",
]
