"""CRC-64 as OSS answers it in ``x-oss-hash-crc64ecma`` ("Data integrity check by CRC-64")."""

from __future__ import annotations

_POLYNOMIAL = 0xC96C5795D7870F42  # ECMA-182, bits reversed
_ALL_ONES = 0xFFFFFFFFFFFFFFFF


def _table_entry(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = [_table_entry(value) for value in range(256)]


def crc64(data: bytes) -> int:
    """The checksum; of ``b"123456789"`` it is 0x995DC9BBDF1939FA."""
    crc = _ALL_ONES
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ _ALL_ONES
