"""Files behind a password. A library would fill them with chance, so both are written by the letter of the norm."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path

from .bytewise import XML, one_page, pdf_id, plain_pdf

USER_PASSWORD = "sunrise"
OWNER_PASSWORD = "meridian"

_PAYSLIP = b"""BT /F1 16 Tf 72 770 Td (Payslip, January 2025) Tj
/F1 11 Tf 0 -30 Td (Brightholm Solar, Bremen) Tj
0 -18 Td (Staff id 00051, paid on the 25th) Tj
0 -18 Td (This page can be read by whoever may open it.) Tj ET"""
_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
_PERMISSIONS = -3904
"""Reading only: no printing, copying or changing (ISO 32000-1, table 22)."""


def write_encrypted_pdf(path: Path, user: str) -> None:
    """Standard security handler, revision 3 (ISO 32000-1, 7.6.3): RC4 is the one cipher without chance in it."""
    file_id = pdf_id(path.name)
    user_padded, owner_padded = ((word.encode() + _PADDING)[:32] for word in (user, OWNER_PASSWORD))
    owner_entry = _rc4_rounds(_md5_rounds(owner_padded), user_padded)
    key = _md5_rounds(user_padded + owner_entry + struct.pack("<i", _PERMISSIONS) + bytes.fromhex(file_id))
    user_entry = _rc4_rounds(key, _md5(_PADDING + bytes.fromhex(file_id))) + bytes(16)
    stream_key = _md5(key + struct.pack("<IH", 5, 0)[:3] + bytes(2))
    encrypt = (
        f"/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P {_PERMISSIONS}/O<{owner_entry.hex()}>/U<{user_entry.hex()}>>>"
    )
    path.write_bytes(plain_pdf(one_page(_rc4(stream_key, _PAYSLIP), b""), file_id, encrypt))


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def _md5_rounds(content: bytes) -> bytes:
    for _ in range(51):
        content = _md5(content)
    return content


def _rc4_rounds(key: bytes, content: bytes) -> bytes:
    for number in range(20):
        content = _rc4(bytes(byte ^ number for byte in key), content)
    return content


def _rc4(key: bytes, content: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    i = j = 0
    result = bytearray()
    for byte in content:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        result.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(result)


_SECTOR = 512
_FREE, _CHAIN_END, _FAT_SECTOR, _NO_STREAM = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF


def write_encrypted_workbook(path: Path) -> None:
    """The compound file Excel writes for a workbook with a password (MS-OFFCRYPTO, agile encryption).

    Sectors: 0 FAT, 1 directory, 2 FAT of the small stream, then the small stream and the package.
    """
    information = _encryption_info()
    package = struct.pack("<Q", 8185) + _noise("package", 8192)
    # Streams below 4096 bytes live in sectors of 64 bytes inside the root's own stream.
    small, large = _sectors(information), _sectors(package)
    fat = [_FAT_SECTOR, _CHAIN_END, _CHAIN_END, *_chain(3, small), *_chain(3 + small, large)]
    directory = b"".join(
        (
            _directory_entry("Root Entry", 5, child=1, start=3, size=small * _SECTOR),
            _directory_entry("EncryptionInfo", 2, right=2, start=0, size=len(information)),
            _directory_entry("EncryptedPackage", 2, colour=0, start=3 + small, size=len(package)),
            bytes(68) + struct.pack("<3I", *[_NO_STREAM] * 3) + bytes(48),
        )
    )
    header = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<9I", 0, 1, 1, 0, 4096, 2, 1, _CHAIN_END, 0) + _table([0], 109)
    small_fat = _table(_chain(0, -(-len(information) // 64)), 128)
    sectors = (_table(fat, 128), directory, small_fat, _filled(information), _filled(package))
    path.write_bytes(header + b"".join(sectors))


def _encryption_info() -> bytes:
    def value(name: str, size: int) -> str:
        return base64.b64encode(_noise(name, size)).decode()

    kind = 'blockSize="16" keyBits="256" hashSize="64" cipherAlgorithm="AES" cipherChaining="ChainingModeCBC"'
    office = "http://schemas.microsoft.com/office/2006"
    xml = (
        f'{XML}<encryption xmlns="{office}/encryption" xmlns:p="{office}/keyEncryptor/password">'
        f'<keyData saltSize="16" {kind} hashAlgorithm="SHA512" saltValue="{value("salt", 16)}"/>'
        f'<dataIntegrity encryptedHmacKey="{value("hmac key", 64)}" encryptedHmacValue="{value("hmac", 64)}"/>'
        f'<keyEncryptors><keyEncryptor uri="{office}/keyEncryptor/password">'
        f'<p:encryptedKey spinCount="100000" saltSize="16" {kind} hashAlgorithm="SHA512"'
        f' saltValue="{value("key salt", 16)}" encryptedVerifierHashInput="{value("verifier", 16)}"'
        f' encryptedVerifierHashValue="{value("verifier hash", 64)}" encryptedKeyValue="{value("key", 32)}"/>'
        "</keyEncryptor></keyEncryptors></encryption>"
    )
    return struct.pack("<2HI", 4, 4, 0x40) + xml.encode()


def _noise(name: str, size: int) -> bytes:
    """Bytes that look like chance and are always the same."""
    return hashlib.shake_256(name.encode()).digest(size)


def _sectors(content: bytes) -> int:
    return -(-len(content) // _SECTOR)


def _filled(content: bytes) -> bytes:
    return content.ljust(_sectors(content) * _SECTOR, b"\0")


def _chain(start: int, count: int) -> list[int]:
    return [*range(start + 1, start + count), _CHAIN_END]


def _table(numbers: Sequence[int], length: int) -> bytes:
    return struct.pack(f"<{length}I", *numbers, *[_FREE] * (length - len(numbers)))


def _directory_entry(
    name: str, kind: int, *, start: int, size: int, child: int = _NO_STREAM, right: int = _NO_STREAM, colour: int = 1
) -> bytes:
    encoded = name.encode("utf-16-le")
    entry = encoded.ljust(64, b"\0") + struct.pack("<H2B3I", len(encoded) + 2, kind, colour, _NO_STREAM, right, child)
    return entry + bytes(36) + struct.pack("<IQ", start, size)
