"""Writer of TensorBoard event files: unbuffered records of protocol buffers.

A record is the length of the content (8 bytes), the checksum of the length, the content, and the
checksum of the content; see tensorflow/core/lib/io/record_writer.h and
tensorflow/core/util/event.proto. The packages that write such files import PyTorch or TensorFlow
into the training and buffer rows, so the format is written here.
"""

import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types of protocol buffers
_LARGEST = 3.4028234e38  # a float32
_START = 1  # SessionLog.START: TensorBoard discards earlier values of this and later steps


class EventFile:
    """New event file in a folder, which may hold earlier files of the same training.

    Args:
        folder: Created if missing.
        start: Step from which the training resumes; earlier values of later steps are replaced.
    """

    def __init__(self, folder: Path, start: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        name = f"events.out.tfevents.{now:.0f}.{socket.gethostname()}.{os.getpid()}.{start}"
        self._file = open(folder / name, "wb", buffering=0)  # noqa: SIM115 - closed by `close`
        self._write(_text(3, b"brain.Event:2"))
        if start:
            self._write(_integer(2, start + 1) + _text(7, _integer(1, _START)))

    def write(self, step: int, values: Mapping[str, float]) -> None:
        """Append the values of a step, by name; values outside the float32 range are left out."""
        summary = b"".join(
            _text(1, _text(1, name.encode()) + _tag(2, _FIXED32) + struct.pack("<f", value))
            for name, value in values.items()
            if abs(value) <= _LARGEST
        )
        self._write(_integer(2, step) + _text(5, summary))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, fields: bytes) -> None:
        event = _tag(1, _FIXED64) + struct.pack("<d", time.time()) + fields
        length = struct.pack("<Q", len(event))
        self._file.write(length + _masked_crc(length) + event + _masked_crc(event))


def _tag(number: int, kind: int) -> bytes:
    """Encode the tag of a field of a protocol buffer, which precedes its value."""
    return _varint(number << 3 | kind)


def _text(number: int, value: bytes) -> bytes:
    """Encode a field that holds bytes: text or a message."""
    return _tag(number, _BYTES) + _varint(len(value)) + value


def _integer(number: int, value: int) -> bytes:
    """Encode a field that holds a whole number."""
    return _tag(number, _VARINT) + _varint(value)


def _varint(value: int) -> bytes:
    """Encode an integer in groups of 7 bits, the lowest first; bit 8 marks that more follow."""
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def _crc_table() -> tuple[int, ...]:
    """Return the CRC-32C of every byte (reversed polynomial 0x82F63B78)."""
    row = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        row.append(byte)
    return tuple(row)


_CRC_TABLE = _crc_table()


def _masked_crc(data: bytes) -> bytes:
    """Return the CRC-32C of the data, masked (rotated, plus a constant) as TensorFlow does."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_TABLE[(crc ^ byte) & 255]
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
