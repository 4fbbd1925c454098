"""Names of people and documents in a job log, and what becomes of them before anything is stored.

    hash   a keyed hash takes the place of a name: the same name, the same hash, and nobody without the key finds the name by trying
    drop   they are left out
    keep   they stay

Names are the document's, the sender's, the recipient's; and whatever stands in columns nobody knows (newer versions have user ids
there), which is left out unless names are kept. The cost centre stays: it is what a job is charged to. Pure; the key is handed in.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Literal

import msgspec

from poller.accounting.job import Job

Names = Literal["hash", "drop", "keep"]

_DIGITS = 32  # 128 bits: two of any number of names never share one
_REMEMBERED_TEXT_MAX = 200
_REMEMBERED_MAX = 8192


def without_names(job: Job) -> Job:
    return msgspec.structs.replace(job, document_name=None, sender=None, recipient=None, extra=())


class Pseudonyms:
    """Takes names out of jobs. *key* makes the hashes: another key, other hashes for the same names."""

    def __init__(self, names: Names, key: bytes = b"") -> None:
        assert names != "hash" or key, "a hash without a key can be undone by trying"
        self._names, self._key = names, key
        self._known: dict[str, str] = {}

    def job(self, job: Job) -> Job:
        """Return a job as it may be stored."""
        if self._names == "keep":
            return job
        return msgspec.structs.replace(
            job,
            document_name=self.name(job.document_name),
            sender=self.name(job.sender),
            recipient=self.name(job.recipient),
            extra=(),
        )

    def name(self, name: str | None) -> str | None:
        """Return what takes the place of a name."""
        if self._names == "keep" or name is None:
            return name
        if self._names == "drop":
            return None
        known = self._known.get(name)
        if known is None:
            known = hmac.new(self._key, name.encode("utf-8", "surrogatepass"), sha256).hexdigest()[:_DIGITS]
            if len(self._known) < _REMEMBERED_MAX and len(name) <= _REMEMBERED_TEXT_MAX:
                self._known[name] = known
        return known
