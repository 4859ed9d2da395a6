"""An embedder in a folder: a sentence model as ONNX with its tokenizer. No network, no download.

The folder is what `optimum-cli export onnx` or a model's page gives: ``model.onnx`` (or ``onnx/model.onnx``)
and ``tokenizer.json``. Token vectors are averaged and brought to length one.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["LocalEmbedder"]

_MODEL_FILES = ("model.onnx", "onnx/model.onnx")
_MAX_TOKENS = 512
"""What encoders of sentences are trained for; a tokenizer that says otherwise is believed."""

_HINT = "a model in a folder needs onnxruntime and tokenizers: pip install 'ingestkit-core[onnx]'"


class LocalEmbedder:
    """An EmbeddingBackend on onnxruntime. Raises ValueError for a folder that holds no such model."""

    def __init__(self, folder: Path, dimension: int | None = None) -> None:
        self.url = str(folder)
        model, tokenizer = _files(folder)
        # onnxruntime's telemetry is on by default.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        self._tokenizer = _tokenizer(tokenizer)
        self._session = _session(model)
        self._inputs = [given.name for given in self._session.get_inputs()]
        # The bytes are the model: a folder's name says nothing.
        self._identity = f"onnx:{folder.resolve().name}:{_digest(model, tokenizer)}"
        self._dimension = len(self.embed(["dimension"])[0])
        if dimension is not None and dimension != self._dimension:
            raise ValueError(
                f"the model in {folder} gives vectors of {self._dimension} numbers, "
                f"embedding_dimension says {dimension}"
            )

    @property
    def identity(self) -> str:
        """The folder's name and a hash of the model's bytes."""
        return self._identity

    def dimension(self) -> int:
        """The length of every vector."""
        return self._dimension

    def embed(self, texts: Sequence[str], timeout: float | None = None) -> list[list[float]]:
        """One vector of length one per text, in order. Nothing is waited for, so there is no timeout."""
        if not texts:
            return []
        encoded = self._tokenizer.encode_batch(list(texts))
        columns = {
            "input_ids": [item.ids for item in encoded],
            "attention_mask": [item.attention_mask for item in encoded],
            "token_type_ids": [item.type_ids for item in encoded],
        }
        arrays = {name: np.asarray(column, dtype=np.int64) for name, column in columns.items()}
        outputs = self._session.run(None, {name: arrays[name] for name in self._inputs if name in arrays})
        return _unit_vectors(np.asarray(outputs[0], dtype=np.float32), arrays["attention_mask"])


def _unit_vectors(output: Any, mask: Any) -> list[list[float]]:
    """The mean over each text's own tokens (an output that is a vector per text already stays), at length one."""
    if output.ndim == 3:
        weights = mask[:, :, None].astype(np.float32)
        output = (output * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1.0)
    lengths = np.linalg.norm(output, axis=1, keepdims=True)
    vectors: list[list[float]] = (output / np.where(lengths > 0, lengths, 1.0)).tolist()
    return vectors


def _files(folder: Path) -> tuple[Path, Path]:
    model = next((folder / name for name in _MODEL_FILES if (folder / name).is_file()), None)
    tokenizer = folder / "tokenizer.json"
    if model is None or not tokenizer.is_file():
        raise ValueError(f"{folder} holds no model: there must be model.onnx and tokenizer.json in it")
    return model, tokenizer


def _tokenizer(file: Path) -> Any:
    tokenizers = _library("tokenizers")
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(file))
    except Exception as exc:  # both libraries raise bare exceptions of their own
        raise ValueError(f"{file} cannot be loaded: it is no tokenizer") from exc
    if tokenizer.truncation is None:
        tokenizer.enable_truncation(_MAX_TOKENS)
    if tokenizer.padding is None or tokenizer.padding.get("length") is not None:
        # A fixed length would pad every short text to it.
        tokenizer.enable_padding()
    return tokenizer


def _session(file: Path) -> Any:
    onnxruntime = _library("onnxruntime")
    try:
        return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    except Exception as exc:  # see above
        raise ValueError(f"{file} cannot be loaded: {type(exc).__name__}") from exc


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        raise ImportError(_HINT) from exc


def _digest(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        with open(file, "rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()[:12]
