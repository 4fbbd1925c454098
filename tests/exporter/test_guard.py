"""Who is let in: names, passwords, and how much work a stranger can cause."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Iterator

import bcrypt
import pytest

from poller.exporter.guard import Guard, LogInRefusedError
from poller.model import Secret
from tests.fake_clock import FakeClock

PASSWORD = "an invented password"


def hashed(password: str, cost: int = 4) -> Secret:
    return Secret(bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(cost)).decode())


def header(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


class Work:
    """Counts comparisons, and notes on which threads and against which hashes they were made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.threads, self.costs = list[str](), list[str]()
        compare = bcrypt.checkpw

        def counted(password: bytes, against: bytes) -> bool:
            self.threads.append(threading.current_thread().name)
            self.costs.append(against[4:6].decode())
            return compare(password, against)

        monkeypatch.setattr(bcrypt, "checkpw", counted)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    return Work(monkeypatch)


@pytest.fixture
def guard(clock: FakeClock) -> Iterator[Guard]:
    guard = Guard(clock)
    guard.use({"prometheus": hashed(PASSWORD), "müller": hashed("ä:ö"), "long": hashed("x" * 80)})
    yield guard
    guard.close()


def refused(guard: Guard) -> dict[str, float]:
    return {sample.labels[0]: sample.value for sample in guard.metrics()}


@pytest.mark.parametrize("name, password", [("prometheus", PASSWORD), ("müller", "ä:ö"), ("long", "x" * 80)])
async def test_a_user_gets_in(name: str, password: str, guard: Guard) -> None:
    await guard.admit(header(name, password))
    assert refused(guard) == {}


@pytest.mark.parametrize(
    "given, reason",
    [
        (None, "missing"),
        (header("prometheus", "wrong"), "wrong"),
        (header("prometheus", ""), "wrong"),
        (header("nobody", PASSWORD), "wrong"),
        (header("prometheus", PASSWORD + "\0"), "wrong"),
        (header("prometheus", PASSWORD).replace("Basic", "Bearer"), "wrong"),
        ("Basic", "wrong"),
        ("Basic !!!", "wrong"),
        ("Basic " + base64.b64encode(b"no colon").decode(), "wrong"),
        ("Basic " + base64.b64encode(b"\xff\xfe:x").decode(), "wrong"),
    ],
)
async def test_anyone_else_does_not(given: str | None, reason: str, guard: Guard) -> None:
    with pytest.raises(LogInRefusedError) as caught:
        await guard.admit(given)
    assert caught.value.reason == reason
    assert refused(guard) == {reason: 1}


async def test_what_was_right_once_is_not_worked_out_again(guard: Guard, work: Work) -> None:
    for _ in range(50):
        await guard.admit(header("prometheus", PASSWORD))
    assert len(work.threads) == 1


async def test_a_password_is_compared_on_a_thread_of_its_own(guard: Guard, work: Work) -> None:
    await asyncio.gather(*(guard.admit(header("prometheus", PASSWORD)) for _ in range(3)))
    assert {name.rpartition("_")[0] for name in work.threads} == {"passwords"}
    assert len(set(work.threads)) == 1, "one at a time"


async def test_a_name_nobody_has_costs_the_work_of_the_slowest(guard: Guard, work: Work) -> None:
    guard.use({"quick": hashed("a", 4), "slow": hashed("b", 6)})
    with pytest.raises(LogInRefusedError):
        await guard.admit(header("nobody", ""))
    assert work.costs == ["06"]


async def test_guesses_are_bounded_in_a_second_and_who_is_known_goes_on(guard: Guard, work: Work, clock: FakeClock) -> None:
    await guard.admit(header("prometheus", PASSWORD))
    for number in range(100):
        with pytest.raises(LogInRefusedError):
            await guard.admit(header("prometheus", str(number)))
    assert len(work.threads) == 10
    assert refused(guard) == {"wrong": 9, "too_many": 91}
    await guard.admit(header("prometheus", PASSWORD))
    clock.advance(1.0)
    for number in range(100):
        with pytest.raises(LogInRefusedError):
            await guard.admit(header("nobody", str(number)))
    assert len(work.threads) == 15


async def test_guesses_that_wait_are_bounded_too(guard: Guard, work: Work) -> None:
    results = await asyncio.gather(*(guard.admit(header("nobody", str(n))) for n in range(10)), return_exceptions=True)
    assert [result.reason for result in results if isinstance(result, LogInRefusedError)].count("too_many") == 2


async def test_a_user_taken_out_does_not_get_in_by_having_been_there(guard: Guard) -> None:
    await guard.admit(header("prometheus", PASSWORD))
    guard.use({"other": hashed("x")})
    with pytest.raises(LogInRefusedError):
        await guard.admit(header("prometheus", PASSWORD))


async def test_nothing_it_remembers_is_a_password_or_hash(guard: Guard) -> None:
    await guard.admit(header("prometheus", PASSWORD))
    assert PASSWORD not in repr(vars(guard)) and "$2b$" not in repr(guard._users)
