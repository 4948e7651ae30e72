"""Encrypted Parquet files: the vault's tables and the inbox between ingest and vault.

Parquet modular encryption as pyarrow writes it: AES-GCM with 256-bit data keys, every column
and the footer encrypted, data keys wrapped by one master key. `_LocalKms` holds that master
key in memory; a KMS service can replace it behind the same interface. A reader without the
key learns the size of a file and nothing else; a changed byte is noticed.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from biobraid.core.errors import Fault, KeyFileError, LinkageError
from biobraid.core.files import atomic_path
from biobraid.core.keys import derive, key_id

_MASTER = "master"
_NONCE_BYTES = 12
_ROW_GROUP_ROWS = 256 * 1024


def write_sealed(path: Path, batches: Iterable[pa.Table], schema: pa.Schema, key: bytes) -> int:
    """Write the tables as one encrypted Parquet file, atomically; returns the rows written.

    Columns are taken by name and cast to `schema`; a column a table lacks is null. `key`: 32
    bytes. An empty stream makes a file with no rows.
    """
    with atomic_path(path) as partial, SealedWriter(partial, schema, key) as writer:
        for table in batches:
            writer.write(table)
    return writer.n_rows


class SealedWriter:
    """Writes one encrypted file table by table, under the very name given.

    For a writer that gets its rows piecemeal and renames the file itself; otherwise use
    write_sealed.
    """

    def __init__(self, path: Path, schema: pa.Schema, key: bytes) -> None:
        self.n_rows = 0
        self._schema = schema
        # pyarrow keeps no reference of its own to the factory while it writes.
        self._kms = _LocalKms(key)
        self._factory = pe.CryptoFactory(lambda _: self._kms)
        properties = self._factory.file_encryption_properties(
            pe.KmsConnectionConfig(),
            pe.EncryptionConfiguration(
                footer_key=_MASTER,
                uniform_encryption=True,
                encryption_algorithm="AES_GCM_V1",
                plaintext_footer=False,
                double_wrapping=False,
                data_key_length_bits=256,
                cache_lifetime=timedelta(0),
            ),
        )
        self._writer = pq.ParquetWriter(
            path, schema, compression="zstd", encryption_properties=properties
        )

    def write(self, table: pa.Table) -> None:
        """Append rows; columns by name, missing ones null."""
        self._writer.write_table(_fitted(table, self._schema), row_group_size=_ROW_GROUP_ROWS)
        self.n_rows += table.num_rows

    def close(self) -> None:
        """Write the footer; without it the file is unreadable."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read_sealed(path: Path, key: bytes) -> pa.Table:
    """The rows of an encrypted file.

    Raises KeyFileError if it was sealed with another key, LinkageError if it is missing or
    was changed since.
    """
    with _opened(path, key) as file:
        return file.read()


def stream_sealed(path: Path, key: bytes) -> Iterator[pa.Table]:
    """The same rows, one row group at a time, so that memory stays bounded."""
    with _opened(path, key) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group)


@contextmanager
def _opened(path: Path, key: bytes) -> Iterator[pq.ParquetFile]:
    kms = _LocalKms(key)
    factory = pe.CryptoFactory(lambda _: kms)
    try:
        properties = factory.file_decryption_properties(
            pe.KmsConnectionConfig(), pe.DecryptionConfiguration(cache_lifetime=timedelta(0))
        )
        with pq.ParquetFile(path, decryption_properties=properties) as file:
            yield file
        return
    except FileNotFoundError:
        raise LinkageError(Fault(path.name, "the encrypted file is missing")) from None
    except Exception as error:
        if not isinstance(error, OSError | pa.ArrowException | _UnwrapError):
            raise
    # Outside the except block, so that no cause with a path or a value travels along.
    if kms.foreign_key_id:
        raise KeyFileError(
            Fault(
                path.name,
                f"it was sealed with another key (key id {kms.foreign_key_id})",
                f"the key with id {kms.own_key_id}",
                "Restore the key file that belongs to this home.",
            )
        )
    raise LinkageError(
        Fault(
            path.name,
            "the encrypted file is damaged or was changed",
            "the file as biobraid wrote it",
            "Restore it from a backup.",
        )
    )


class _UnwrapError(Exception):
    """A data key could not be unwrapped."""


class _LocalKms(pe.KmsClient):  # type: ignore[misc]  # pyarrow is untyped
    """Wraps data keys with AES-GCM under a master key held in memory.

    Wrapped form: "<key id>:<base64 of nonce, ciphertext and tag>".
    """

    def __init__(self, key: bytes) -> None:
        super().__init__()
        self._aes = AESGCM(derive(key, "sealed/wrap"))
        self.own_key_id = key_id(key)
        self.foreign_key_id = ""

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
        """The data key in wrapped form."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._aes.encrypt(nonce, key_bytes, master_key_identifier.encode())
        return f"{self.own_key_id}:{base64.b64encode(sealed).decode()}"

    def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
        """The data key; notes a foreign key's id before it fails."""
        wrapped = wrapped_key.decode() if isinstance(wrapped_key, bytes) else wrapped_key
        made_with, _, body = wrapped.partition(":")
        if made_with != self.own_key_id:
            self.foreign_key_id = made_with
            raise _UnwrapError
        try:
            sealed = base64.b64decode(body, validate=True)
            nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return self._aes.decrypt(nonce, text, master_key_identifier.encode())
        except (InvalidTag, ValueError):
            raise _UnwrapError from None


def _fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        table.column(f.name).cast(f.type)
        if f.name in table.column_names
        else pa.nulls(table.num_rows, f.type)
        for f in schema
    ]
    return pa.table(columns, schema=schema)
