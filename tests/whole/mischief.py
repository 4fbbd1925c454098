"""What happens to a request on its way, and to its answer: one function each, for `Relay.treat`."""

from __future__ import annotations

import asyncio
from collections import Counter as Tally
from random import Random

from tests.whole.relay import Message, Passage, Treat

_PAGE = b"<html>Please log in</html>"


def page(status: str, *fields: str) -> bytes:
    """Return an answer of somebody in between."""
    head = [f"HTTP/1.1 {status}", "Content-Type: text/html", f"Content-Length: {len(_PAGE)}", *fields]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + _PAGE


async def cut_request(passage: Passage) -> None:
    """The connection is gone in the middle of the body, before central has all of it."""
    raw = passage.request.raw
    async with passage.to_central() as link:
        await link.send(raw[: len(raw) - 1 - len(passage.request.body) // 2])
    passage.cut()


async def cut_answer_head(passage: Passage) -> None:
    """Central has done it, and of its answer comes half a head."""
    answer = await passage.ask()
    await passage.reply(answer.head[: len(answer.head) // 2])
    passage.cut()


async def cut_answer_body(passage: Passage) -> None:
    """Central has done it, and of its answer all comes but the end."""
    await passage.reply((await passage.ask()).raw[:-1])
    passage.cut()


async def refuse(passage: Passage) -> None:
    """A gateway that does not reach central."""
    await passage.reply(page("500 Internal Server Error"))


async def refuse_afterwards(passage: Passage) -> None:
    """A gateway that lost the answer: central has done it."""
    await passage.ask()
    await passage.reply(page("502 Bad Gateway"))


async def slow_down(passage: Passage) -> None:
    await passage.reply(page("429 Too Many Requests", "Retry-After: 3"))


async def log_in(passage: Passage) -> None:
    """A captive portal: 200, and a page."""
    await passage.reply(page("200 OK"))


async def come_late(passage: Passage) -> None:
    """The agent has given up waiting when the request reaches central; what it sends then may be there first."""
    await passage.gone()
    await passage.ask()


async def send_twice(passage: Passage) -> None:
    first = await passage.ask()
    await passage.ask()
    await passage.reply(first)


async def send_twice_and_answer_late(passage: Passage) -> None:
    """The agent hears what central says to the second one: duplicate."""
    await passage.ask()
    await passage.reply(await passage.ask())


async def send_twice_at_once(passage: Passage) -> None:
    answers = await asyncio.gather(passage.ask(), passage.ask())
    await passage.reply(answers[0])


async def change_request(passage: Passage) -> None:
    """A byte of the body is another one, and the answer to that is handed on."""
    request = passage.request
    await passage.reply(await passage.ask(Message(request.head, flipped(request.body))))


async def change_answer(passage: Passage) -> None:
    answer = await passage.ask()
    await passage.reply(Message(answer.head, flipped(answer.body)))


def flipped(body: bytes) -> bytes:
    """Return *body* with one bit of its middle changed; nothing has nothing to change."""
    middle = len(body) // 2
    return body[:middle] + bytes(one ^ 1 for one in body[middle : middle + 1]) + body[middle + 1 :]


class Recorder:
    """Somebody who keeps what passes, and brings it up again."""

    def __init__(self) -> None:
        self.requests: list[Message] = []
        self.answers: list[Message] = []

    async def listen(self, passage: Passage) -> None:
        answer = await passage.ask()
        self.requests.append(passage.request)
        self.answers.append(answer)
        await passage.reply(answer)

    async def send_an_old_one(self, passage: Passage) -> None:
        """Central hears an earlier request once more, before this one."""
        if self.requests:
            await passage.ask(self.requests[0])
        await self.listen(passage)

    async def answer_with_an_old_one(self, passage: Passage) -> None:
        """The agent hears a genuine answer of central, to another request. This one never arrives."""
        await passage.reply(self.answers[0] if self.answers else page("500 Internal Server Error"))


class Evil:
    """Treats each request by the next word of a shuffled list of all there are; with *good*, so many of ten are passed on."""

    def __init__(self, dice: Random, *, good: int = 4) -> None:
        self._dice, self._good = dice, good
        self._recorder = Recorder()
        self.done: Tally[str] = Tally()
        self.kinds: list[Treat] = [
            *(cut_request, cut_answer_head, cut_answer_body, refuse, refuse_afterwards, slow_down, log_in, come_late),
            *(send_twice, send_twice_and_answer_late, send_twice_at_once, change_request, change_answer),
            *(self._recorder.send_an_old_one, self._recorder.answer_with_an_old_one),
        ]
        self._next: list[Treat] = []

    async def treat(self, passage: Passage) -> None:
        if self._dice.randrange(10) < self._good:
            await self._recorder.listen(passage)
            return
        if not self._next:
            self._next = self._dice.sample(self.kinds, len(self.kinds))
        chosen = self._next.pop()
        self.done[chosen.__name__] += 1
        await chosen(passage)
