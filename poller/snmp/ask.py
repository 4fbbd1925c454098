"""One GET, stepped until every OID has its value or its reason for having none.

In v2c that is one step. In v1 an agent refuses the whole message for one OID it lacks (noSuchName, RFC 1157 section 4.1.2), so that OID
is set down as missing and the rest is asked again: as many steps as OIDs are missing, plus one. Agents that name no usable error-index
are asked one OID at a time.
"""

from __future__ import annotations

from poller.errors import AgentError
from poller.snmp.message import Answer, ErrorStatus, Missing, Question, Value, raise_for_status
from poller.snmp.oid import Oid, text


class Ask:
    """Ask what `question` says, feed the answer, until it is None; then `values()` holds one entry per OID of the first question."""

    def __init__(self, question: Question) -> None:
        self._oids = question.oids
        self._found: dict[Oid, Value | Missing] = {}
        self._is_one_by_one = False
        self.question: Question | None = question

    def feed(self, answer: Answer) -> None:
        """Take the answer to `question`. Raises AgentError for any error-status but noSuchName, and for an answer to something else."""
        assert self.question is not None
        asked = self.question.oids
        if answer.error_status == ErrorStatus.NO_SUCH_NAME:
            self._take_refusal(asked, answer.error_index)
        else:
            raise_for_status(answer)
            self._take_values(asked, answer)
        left = tuple(oid for oid in self._oids if oid not in self._found)
        self.question = Question(left[:1] if self._is_one_by_one else left) if left else None

    def values(self) -> tuple[Value | Missing, ...]:
        return tuple(self._found[oid] for oid in self._oids)

    def _take_refusal(self, asked: tuple[Oid, ...], error_index: int) -> None:
        if len(asked) == 1:
            self._found[asked[0]] = Missing.NO_SUCH_NAME
        elif 1 <= error_index <= len(asked):
            self._found[asked[error_index - 1]] = Missing.NO_SUCH_NAME
        else:
            self._is_one_by_one = True

    def _take_values(self, asked: tuple[Oid, ...], answer: Answer) -> None:
        given = dict(answer.varbinds)  # by name: an agent may reorder, and may not be trusted to have answered all
        for oid in asked:
            if oid not in given:
                raise AgentError("the answer lacks an OID that was asked", oid=text(oid))
            self._found[oid] = given[oid]
