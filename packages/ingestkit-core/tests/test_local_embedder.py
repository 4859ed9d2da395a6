"""An embedder in a folder, on a model of a few hundred bytes that is written here."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from ingestkit_core.embedding import open_embedder
from ingestkit_core.protocols import EmbeddingBackend

pytest.importorskip("onnxruntime", reason="needs ingestkit-core[onnx]")
tokenizers = pytest.importorskip("tokenizers", reason="needs ingestkit-core[onnx]")
pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

WORDS = {"[PAD]": 0, "[UNK]": 1, "sun": 2, "roof": 3, "sea": 4}
ROWS = [(0.0, 9.0), (0.0, 0.0), (3.0, 0.0), (0.0, 4.0), (-1.0, 0.0)]
"""One vector per word; that of the padding would show in every mean that counts it."""

FLOAT, INT64 = 1, 7


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _field(number: int, value: int | bytes | str) -> bytes:
    """A field of a protobuf message: a number, or bytes with their length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _value(name: str, kind: int, *axes: str) -> bytes:
    shape = b"".join(_field(1, _field(2, axis)) for axis in axes)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, shape)))


def _model() -> bytes:
    """ONNX: last_hidden_state = Gather(words, input_ids); the mask is an input that nothing uses."""
    numbers = [number for row in ROWS for number in row]
    words = _field(1, len(ROWS)) + _field(1, 2) + _field(2, FLOAT) + _field(8, "words")
    words += _field(9, struct.pack(f"<{len(numbers)}f", *numbers))
    node = _field(1, "words") + _field(1, "input_ids") + _field(2, "last_hidden_state") + _field(4, "Gather")
    graph = _field(1, node) + _field(2, "tiny") + _field(5, words)
    for name in ("input_ids", "attention_mask"):
        graph += _field(11, _value(name, INT64, "batch", "length"))
    graph += _field(12, _value("last_hidden_state", FLOAT, "batch", "length", "size"))
    return _field(1, 8) + _field(7, graph) + _field(8, _field(2, 13))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "tiny"
    made.mkdir()
    (made / "model.onnx").write_bytes(_model())
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(WORDS, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(made / "tokenizer.json"))
    return made


def test_the_mean_of_a_texts_own_words_at_length_one(folder: Path) -> None:
    embedder = open_embedder(folder)
    assert isinstance(embedder, EmbeddingBackend)
    assert embedder.dimension() == 2
    short, long = embedder.embed(["sun", "sun roof sun roof"])
    assert short == pytest.approx([1.0, 0.0])
    assert long == pytest.approx([0.6, 0.8])
    assert embedder.embed([]) == []
    assert embedder.embed(["nothing known"])[0] == [0.0, 0.0]
    assert all(math.isfinite(number) for number in embedder.embed([""])[0])
    assert len(embedder.embed(["sun " * 5000])) == 1


def test_the_identity_is_that_of_the_bytes(folder: Path) -> None:
    before = open_embedder(folder).identity
    assert before == open_embedder(str(folder)).identity
    assert before.startswith("onnx:tiny:")
    model = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(model.replace(struct.pack("<f", 3.0), struct.pack("<f", 2.0)))
    assert open_embedder(folder).identity != before


def test_folders_that_hold_no_model(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="embedding_dimension says 3"):
        open_embedder(folder, dimension=3)
    with pytest.raises(ValueError, match=r"model\.onnx and tokenizer\.json"):
        open_embedder(tmp_path)
    (folder / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match="cannot be loaded"):
        open_embedder(folder)
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ValueError, match="cannot be loaded"):
        open_embedder(folder)


def test_a_missing_library_says_what_to_type(folder: Path) -> None:
    code = (
        "import sys; sys.modules['tokenizers'] = None\n"
        "from ingestkit_core.embedding import open_embedder\n"
        f"try: open_embedder({str(folder)!r})\n"
        "except ImportError as exc: print(exc)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "pip install 'ingestkit-core[onnx]'" in done.stdout
