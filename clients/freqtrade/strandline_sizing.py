"""Sizes the entries of a Freqtrade strategy by what Strandline has learned of earlier ones.

    from strandline_sizing import StrandlineSizing

    class MyStrategy(StrandlineSizing, IStrategy):      # StrandlineSizing first
        ...

That is all. The stake that Freqtrade proposes is multiplied by what the decision service answers for
strategy, pair, entry tag, hour and weekday. Where it does not answer in time (300 ms), is away, or has
nothing to say, the proposed stake stays. No exception of this file reaches the bot. Why a stake is what
it is stands in the bot's log.

A backtest is sized by what was known at each of its candles, and by nothing that came later: the
multipliers of all signals are asked for at the first entry, in a few requests. What a backtest would
have done without is told once, loudly, when the service cannot be asked.

Settings, in Freqtrade's configuration (all of them optional):

    "strandline": {
        "url": "http://127.0.0.1:7304",   // of the decision service
        "model": "freqtrade-return",      // without: the model that readers see
        "token_file": "token.txt",        // where STRANDLINE_TOKEN is set there; or the variable itself
        "timeout": 0.3                    // seconds, of a running bot
    }

A strategy with a custom_stake_amount of its own asks there: self.strandline_stake(pair, current_time,
proposed_stake, min_stake, max_stake, entry_tag). One with a bot_loop_start of its own calls super's.

Needs nothing but Python 3.11. Freqtrade itself is not imported.
"""

from __future__ import annotations

import functools
import json
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

__all__ = ["StrandlineSizing"]

logger = logging.getLogger("strandline_sizing")
T = TypeVar("T")

DEFAULT_URL = "http://127.0.0.1:7304"
DEFAULT_TIMEOUT_S = 0.3
#: A running bot asks anew for what it may need: after so long, or when the hour changes.
REFRESH_S = 60.0
#: An answer is good for so long where no newer one can be had.
GOOD_FOR_S = 900.0
#: Pairs times tags of one refresh; and signals of one request of a backtest.
#: (The service takes 1 MB, and a tag may have 255 characters.)
MOST_ASKS = 1_000
#: A question that nobody waits for any more ends then; and one of a backtest, which waits.
ABANDONED_S = 10.0
BACKTEST_TIMEOUT_S = 120.0
MOST_IN_FLIGHT = 3
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: What one entry is asked by: pair, tag, hour, weekday; and, of a backtest, pair, tag, milliseconds.
LiveKey = tuple[str, str, str, str]
PastKey = tuple[str, str, int]


class NoAnswer(Exception):
    """Why there is no multiplier, as the end of a sentence."""


@dataclass(frozen=True)
class Answer:
    """A multiplier, why it is what it is, and until when it is good (seconds of time.monotonic)."""

    multiplier: float
    why: str
    until: float = math.inf


@dataclass(frozen=True)
class Settings:
    url: str = DEFAULT_URL
    model: str | None = None
    token: str | None = None
    timeout: float = DEFAULT_TIMEOUT_S

    @staticmethod
    def of(config: Mapping[str, Any]) -> Settings:
        """From Freqtrade's configuration; what is wrong in it is said, and the default stands."""
        given = config.get("strandline") or {}
        token = os.environ.get("STRANDLINE_TOKEN")
        if file := given.get("token_file"):
            try:
                with open(file, encoding="utf-8") as opened:
                    token = opened.read().strip()
            except OSError as error:
                logger.warning("The token file %s cannot be read: %s.", file, error.strerror)
        try:
            timeout = float(given.get("timeout", DEFAULT_TIMEOUT_S))
        except (TypeError, ValueError):
            logger.warning("strandline.timeout is %r, which is no number of seconds.", given.get("timeout"))
            timeout = DEFAULT_TIMEOUT_S
        return Settings(str(given.get("url") or DEFAULT_URL).rstrip("/"), given.get("model") or None, token, timeout)


@dataclass
class State:
    """What a strategy object remembers. Nothing of it hinders a copy or a pickle of the strategy."""

    settings: Settings
    #: Entry tags that were met; of a running bot.
    tags: set[str] = field(default_factory=set)
    live: dict[LiveKey, Answer] = field(default_factory=dict)
    refreshed: tuple[float, str] = (-math.inf, "")
    #: One item for each question that is not answered yet (a list: appending and popping need no lock).
    in_flight: list[None] = field(default_factory=list)
    #: Signals of a backtest by pair, as (milliseconds of the signal's candle, tag).
    signals: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    past: dict[PastKey, Answer] = field(default_factory=dict)
    #: A backtest goes on without what it could not ask for.
    gave_up: bool = False


class StrandlineSizing:
    """Mixin for a Freqtrade strategy; see the module's text. Stands before IStrategy."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        populate = getattr(cls, "populate_entry_trend", None)
        if populate is not None and not hasattr(populate, "_strandline"):
            cls.populate_entry_trend = _noting_signals(populate)  # type: ignore[attr-defined]

    # ---- what Freqtrade calls

    def bot_loop_start(self, current_time: datetime, **kwargs: Any) -> None:
        """Asks for what the coming entries of a running bot may need; waits 300 ms at most."""
        following = getattr(super(), "bot_loop_start", None)
        if following is not None:
            following(current_time=current_time, **kwargs)
        try:
            if not self._strandline_is_past():
                self._strandline_refresh(current_time)
        except NoAnswer as reason:
            logger.debug("Multipliers are not refreshed: %s.", reason)
        except Exception:
            logger.exception("Multipliers are not refreshed.")

    def custom_stake_amount(
        self,
        pair: str,
        current_time: datetime,
        current_rate: float,
        proposed_stake: float,
        min_stake: float | None,
        max_stake: float,
        leverage: float,
        entry_tag: str | None,
        side: str,
        **kwargs: Any,
    ) -> float:
        return self.strandline_stake(pair, current_time, proposed_stake, min_stake, max_stake, entry_tag)

    # ---- what a strategy may call

    def strandline_stake(
        self,
        pair: str,
        current_time: datetime,
        proposed_stake: float,
        min_stake: float | None,
        max_stake: float,
        entry_tag: str | None,
    ) -> float:
        """The stake for an entry, in the stake currency: the proposed one times its multiplier, within what the
        exchange and the wallet allow. The proposed one itself where there is no answer. Never raises."""
        try:
            answer = self._strandline_answer(pair, current_time, entry_tag or "")
        except NoAnswer as reason:
            if not self._strandline_state.gave_up:
                logger.warning("%s %s: the stake stays %.8g: %s.", pair, entry_tag or "-", proposed_stake, reason)
            return proposed_stake
        except Exception:
            logger.exception("%s %s: the stake stays %.8g.", pair, entry_tag or "-", proposed_stake)
            return proposed_stake
        if answer.multiplier == 1.0:
            stake = proposed_stake
        else:
            stake = max(min(proposed_stake * answer.multiplier, max_stake), min_stake or 0.0)
        level = logging.DEBUG if self._strandline_is_past() else logging.INFO
        logger.log(
            level,
            "%s %s: stake %.8g -> %.8g (x %.3f: %s)",
            pair, entry_tag or "-", proposed_stake, stake, answer.multiplier, answer.why,
        )  # fmt: skip
        return stake

    def strandline_multiplier(self, pair: str, current_time: datetime, entry_tag: str | None) -> float:
        """The multiplier alone; 1.0 where there is no answer. Never raises."""
        try:
            return self._strandline_answer(pair, current_time, entry_tag or "").multiplier
        except Exception as error:
            logger.debug("%s %s: %s", pair, entry_tag, error)
            return 1.0

    # ---- how

    @property
    def _strandline_state(self) -> State:
        state = self.__dict__.get("_strandline_made")
        if state is None:
            state = State(Settings.of(getattr(self, "config", None) or {}))
            self.__dict__["_strandline_made"] = state
        return state

    def _strandline_is_past(self) -> bool:
        """Whether this is a backtest (or hyperopt), and no running bot."""
        config = getattr(self, "config", None) or {}
        runmode = getattr(getattr(self, "dp", None), "runmode", None) or config.get("runmode")
        return getattr(runmode, "value", runmode) not in ("live", "dry_run")

    def _strandline_answer(self, pair: str, current_time: datetime, tag: str) -> Answer:
        if self._strandline_is_past():
            return self._strandline_then(pair, current_time, tag)
        return self._strandline_now(pair, current_time, tag)

    def _strandline_ask(self, pair: str, tag: str, at: datetime) -> dict[str, Any]:
        """One ask of POST /v1/multipliers: what the trade is learned by."""
        name = getattr(self, "get_strategy_name", None)
        context = {
            "strategy": name() if callable(name) else type(self).__name__,
            "pair": pair,
            "hour": _hour(at),
            "weekday": _weekday(at),
        }
        if tag:
            context["enter_tag"] = tag
        ask: dict[str, Any] = {"entry_context": context}
        if timeframe := getattr(self, "timeframe", None):
            ask["timeframe"] = timeframe
        return ask

    # ---- a running bot

    def _strandline_now(self, pair: str, now: datetime, tag: str) -> Answer:
        state = self._strandline_state
        if tag:
            state.tags.add(tag)
        key = (pair, tag, _hour(now), _weekday(now))
        known = state.live.get(key)
        if known is None or known.until < time.monotonic():
            self._strandline_fetch([key], now)
            known = state.live.get(key)
        if known is None:
            raise NoAnswer("the service said nothing of it")
        return known

    def _strandline_refresh(self, now: datetime) -> None:
        state = self._strandline_state
        refreshed, hour = state.refreshed
        if time.monotonic() - refreshed < REFRESH_S and hour == _hour(now):
            return
        state.refreshed = (time.monotonic(), _hour(now))
        for key, answer in list(state.live.items()):
            if answer.until < time.monotonic():
                state.live.pop(key, None)
        pairs = list(self.dp.current_whitelist())  # type: ignore[attr-defined]
        keys = [(pair, tag, _hour(now), _weekday(now)) for tag in ["", *sorted(state.tags)] for pair in pairs]
        if keys:
            self._strandline_fetch(keys[:MOST_ASKS], now)

    def _strandline_fetch(self, keys: Sequence[LiveKey], now: datetime) -> None:
        """Returns when the answers are in `live`. Raises NoAnswer when it takes long: they are kept all the same."""
        state = self._strandline_state
        if len(state.in_flight) >= MOST_IN_FLIGHT:
            raise NoAnswer(f"{len(state.in_flight)} earlier questions are not answered yet")
        asks = [self._strandline_ask(pair, tag, now) for pair, tag, _, _ in keys]

        def work() -> None:
            try:
                answers = _request(state.settings, asks, ABANDONED_S)
            finally:
                state.in_flight.pop()
            until = time.monotonic() + GOOD_FOR_S
            for key, (multiplier, why) in zip(keys, answers, strict=True):
                state.live[key] = Answer(multiplier, why, until)

        state.in_flight.append(None)
        _within(work, state.settings.timeout)

    # ---- a backtest

    def _strandline_then(self, pair: str, at: datetime, tag: str) -> Answer:
        state = self._strandline_state
        key = (pair, tag, _milliseconds(at))
        if key not in state.past:
            if state.gave_up:
                raise NoAnswer("it was not asked")
            wanted = dict.fromkeys([key, *self._strandline_signals()])
            try:
                self._strandline_fetch_past([k for k in wanted if k not in state.past])
            except NoAnswer as reason:
                state.gave_up = True
                logger.warning("THIS BACKTEST IS NOT SIZED, every stake is the proposed one: %s.", reason)
                raise
        return state.past[key]

    def _strandline_signals(self) -> Iterable[PastKey]:
        """When each signal is entered: at the candle that follows its own."""
        after = _timeframe_ms(getattr(self, "timeframe", None))
        for pair, signals in self._strandline_state.signals.items():
            for at, tag in signals:
                yield (pair, tag, at + after)

    def _strandline_fetch_past(self, keys: Sequence[PastKey]) -> None:
        state = self._strandline_state
        began = time.monotonic()
        for start in range(0, len(keys), MOST_ASKS):
            some = keys[start : start + MOST_ASKS]
            asks = []
            for pair, tag, at in some:
                moment = datetime.fromtimestamp(at / 1000, timezone.utc)
                asks.append({**self._strandline_ask(pair, tag, moment), "as_of": at})
            for key, (multiplier, _) in zip(some, _request(state.settings, asks, BACKTEST_TIMEOUT_S), strict=True):
                state.past[key] = Answer(multiplier, "what was known then")
        if len(keys) > 1:
            logger.info("Asked for %d entries, as of their candles, in %.1f s.", len(keys), time.monotonic() - began)


def _noting_signals(populate: Callable[..., Any]) -> Callable[..., Any]:
    """populate_entry_trend, whose signals are noted as well: a backtest then asks once for all of them."""

    @functools.wraps(populate)
    def noting(self: StrandlineSizing, dataframe: Any, metadata: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        frame = populate(self, dataframe, metadata, *args, **kwargs)
        try:
            _note(self._strandline_state, frame, metadata["pair"], self._strandline_is_past())
        except Exception:
            logger.exception("The signals of %s were not noted.", metadata)
        return frame

    noting._strandline = True  # type: ignore[attr-defined]
    return noting


def _note(state: State, frame: Any, pair: str, past: bool) -> None:
    length = len(frame["date"])
    column = lambda name: frame[name] if name in frame else [None] * length  # noqa: E731
    tags = [tag if isinstance(tag, str) else "" for tag in column("enter_tag")]
    sides = zip(column("enter_long"), column("enter_short"), strict=True)
    entered = [long == 1 or short == 1 for long, short in sides]
    if past:
        dates = frame["date"]
        rows = zip(dates, tags, entered, strict=True)
        state.signals[pair] = [(_milliseconds(date), tag) for date, tag, hit in rows if hit]
    else:
        state.tags.update(tag for tag, hit in zip(tags, entered, strict=True) if hit and tag)


def _request(settings: Settings, asks: Sequence[Mapping[str, Any]], timeout: float) -> list[tuple[float, str]]:
    """Multiplier and reason of each ask. `timeout` holds for each read from the socket. Raises NoAnswer."""
    query = f"?model={settings.model}" if settings.model else ""
    headers = {"Content-Type": "application/json"}
    if settings.token:
        headers["Authorization"] = f"Bearer {settings.token}"
    try:
        request = Request(f"{settings.url}/v1/multipliers{query}", json.dumps({"asks": asks}).encode(), headers)
        with build_opener(ProxyHandler({})).open(request, timeout=timeout) as response:
            body = json.load(response)
        answers = [(float(one["multiplier"]), str(one.get("why", ""))) for one in body["multipliers"]]
    except HTTPError as error:
        raise NoAnswer(_refusal(settings, error)) from error
    except URLError as error:
        raise NoAnswer(f"{settings.url} cannot be reached: {error.reason}") from error
    except TimeoutError as error:
        raise NoAnswer(f"{settings.url} did not answer within {timeout:g} s") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoAnswer(f"{settings.url} gave no answer that can be read: {error!r}") from error
    if len(answers) != len(asks):
        raise NoAnswer(f"{settings.url} answered {len(answers)} of {len(asks)} questions")
    for multiplier, _ in answers:
        if not (math.isfinite(multiplier) and multiplier > 0):
            raise NoAnswer(f"{settings.url} answered with the multiplier {multiplier}")
    return answers


def _refusal(settings: Settings, error: HTTPError) -> str:
    """What the service said, in its own words where there are any."""
    try:
        said = json.loads(error.read())["error"]
        text = " ".join(part for part in (said["message"], said.get("todo")) if part)
        return f"{settings.url} refuses: {text}".rstrip(".")
    except Exception:
        return f"{settings.url} answers with HTTP {error.code}"


def _within(work: Callable[[], T], seconds: float) -> T:
    """What `work` returns or raises; NoAnswer when that takes longer. The work itself goes on, unheard."""
    done: list[tuple[T | None, BaseException | None]] = []
    finished = threading.Event()

    def run() -> None:
        try:
            done.append((work(), None))
        except BaseException as error:  # noqa: BLE001 - handed over to whoever waits
            done.append((None, error))
        finished.set()

    threading.Thread(target=run, name="strandline-sizing", daemon=True).start()
    if not finished.wait(seconds):
        raise NoAnswer(f"no answer within {seconds * 1000:.0f} ms")
    result, error = done[0]
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at.astimezone(timezone.utc)


def _hour(at: datetime) -> str:
    return f"{_utc(at).hour:02d}"


def _weekday(at: datetime) -> str:
    return WEEKDAYS[_utc(at).weekday()]


def _milliseconds(at: datetime) -> int:
    return (_utc(at) - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(milliseconds=1)


def _timeframe_ms(timeframe: str | None) -> int:
    """`5m` is 300,000; 0 for what has no fixed length."""
    units = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
    try:
        return int(timeframe[:-1]) * units[timeframe[-1]] if timeframe else 0
    except (ValueError, KeyError):
        return 0
