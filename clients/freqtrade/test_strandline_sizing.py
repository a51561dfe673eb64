"""python3 -m unittest: the file against a small HTTP server, and a stand-in for Freqtrade's strategy class."""

from __future__ import annotations

import json
import logging
import pickle
import threading
import time
import unittest
from collections.abc import Callable
from datetime import datetime, timezone
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

from strandline_sizing import MOST_ASKS, StrandlineSizing

NOW = datetime(2026, 3, 2, 14, 5, tzinfo=timezone.utc)  # a Monday


class RunMode(Enum):
    LIVE = "live"
    DRY_RUN = "dry_run"
    BACKTEST = "backtest"


class IStrategy:
    """As far as the file touches it."""

    timeframe = "5m"

    def __init__(self, config: dict[str, Any], runmode: RunMode) -> None:
        self.config = config
        self.dp = SimpleNamespace(runmode=runmode, current_whitelist=lambda: ["BTC/USDT", "ETH/USDT"])
        self.loops = 0

    def get_strategy_name(self) -> str:
        return type(self).__name__

    def bot_loop_start(self, current_time: datetime, **kwargs: Any) -> None:
        self.loops += 1


class Tags(StrandlineSizing, IStrategy):
    def populate_entry_trend(self, dataframe: dict[str, list[Any]], metadata: dict[str, Any]) -> dict[str, list[Any]]:
        return dataframe


class Service:
    """Answers every ask by `multiplier`, and notes what it was asked."""

    def __init__(self, multiplier: Callable[[dict[str, Any]], Any]) -> None:
        self.requests: list[tuple[str, dict[str, str], list[dict[str, Any]]]] = []
        self.status, self.delay, self.raw = 200, 0.0, None
        service = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                asks = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["asks"]
                service.requests.append((self.path, dict(self.headers), asks))
                time.sleep(service.delay)
                body: Any = {"multipliers": [{"multiplier": multiplier(ask), "why": "dip x 0.9"} for ask in asks]}
                if service.status != 200:
                    body = {"error": {"code": "USAGE", "message": "No such model.", "todo": "Name another one."}}
                data = service.raw if service.raw is not None else json.dumps(body).encode()
                self.send_response(service.status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                try:
                    self.wfile.write(data)
                except BrokenPipeError:
                    pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Case(unittest.TestCase):
    def setUp(self) -> None:
        self.service = Service(lambda ask: 0.5 if ask["entry_context"].get("enter_tag") == "dip" else 2)
        self.addCleanup(self.service.stop)
        # patience of tests: a machine that does much else answers late
        self.settings: dict[str, Any] = {"url": self.service.url, "timeout": 20}

    def strategy(self, runmode: RunMode = RunMode.DRY_RUN, kind: type[Any] = Tags) -> Any:
        return kind({"strandline": self.settings}, runmode)

    def stake(self, strategy: Any, tag: str | None = "dip", **change: Any) -> float:
        given = {"proposed_stake": 200.0, "min_stake": 5.0, "max_stake": 1000.0, "current_time": NOW, **change}
        return strategy.custom_stake_amount(
            pair="BTC/USDT", current_rate=1.0, leverage=1.0, entry_tag=tag, side="long", **given
        )


class Running(Case):
    def test_the_proposed_stake_is_multiplied_and_the_log_says_why(self) -> None:
        with self.assertLogs("strandline_sizing", "INFO") as logs:
            self.assertEqual(self.stake(self.strategy()), 100)
        self.assertIn("BTC/USDT dip: stake 200 -> 100 (x 0.500: dip x 0.9)", logs.output[0])
        [(path, _, [ask])] = self.service.requests
        self.assertEqual(path, "/v1/multipliers")
        context = {"strategy": "Tags", "pair": "BTC/USDT", "enter_tag": "dip", "hour": "14", "weekday": "mon"}
        self.assertEqual(ask, {"entry_context": context, "timeframe": "5m"})

    def test_within_what_exchange_and_wallet_allow(self) -> None:
        self.assertEqual(self.stake(self.strategy(), min_stake=150.0), 150)
        self.assertEqual(self.stake(self.strategy(), tag="trend", max_stake=300.0), 300)
        self.assertEqual(self.stake(self.strategy(), min_stake=None), 100)

    def test_what_the_loop_asked_for_is_not_asked_again(self) -> None:
        strategy = self.strategy()
        frame = {"date": [NOW] * 3, "enter_long": [1, None, 1], "enter_tag": ["dip", "never", float("nan")]}
        strategy.populate_entry_trend(frame, {"pair": "BTC/USDT"})
        strategy.bot_loop_start(current_time=NOW)
        strategy.bot_loop_start(current_time=NOW)
        self.assertEqual(strategy.loops, 2)
        self.assertEqual(self.stake(strategy), 100)
        self.assertEqual(self.stake(strategy, tag=None), 400)
        [(_, _, asks)] = self.service.requests
        self.assertEqual(len(asks), 4, "two pairs, with the tag that was met and without one")
        strategy.bot_loop_start(current_time=NOW.replace(hour=15))
        self.assertEqual(self.service.requests[1][2][0]["entry_context"]["hour"], "15")

    def test_model_and_token_are_sent(self) -> None:
        self.settings |= {"model": "freqtrade-return"}
        strategy = self.strategy()
        strategy._strandline_state.settings = type(strategy._strandline_state.settings)(
            self.service.url, "freqtrade-return", "secret", 20
        )
        self.stake(strategy)
        [(path, headers, _)] = self.service.requests
        self.assertEqual((path, headers["Authorization"]), ("/v1/multipliers?model=freqtrade-return", "Bearer secret"))

    def test_a_slow_service_costs_its_patience_and_its_late_answer_is_used_next(self) -> None:
        self.settings["timeout"] = 0.3
        self.service.delay = 2.0
        strategy = self.strategy()
        began = time.monotonic()
        with self.assertLogs("strandline_sizing", "WARNING") as logs:
            self.assertEqual(self.stake(strategy), 200)
        self.assertLess(time.monotonic() - began, 1.5)
        self.assertIn("the stake stays 200: no answer within 300 ms", logs.output[0])
        until = time.monotonic() + 60
        while not strategy._strandline_state.live and time.monotonic() < until:
            time.sleep(0.01)
        self.assertEqual(self.stake(strategy), 100)
        self.assertEqual(len(self.service.requests), 1)

    def test_whatever_goes_wrong_the_proposed_stake_stays_and_a_sentence_says_why(self) -> None:
        def refusing(status: int, raw: bytes | None) -> str:
            self.service.status, self.service.raw = status, raw
            with self.assertLogs("strandline_sizing", "WARNING") as logs:
                self.assertEqual(self.stake(self.strategy()), 200)
            return logs.output[0]

        self.assertIn("refuses: No such model. Name another one", refusing(400, None))
        self.assertIn("answers with HTTP 502", refusing(502, b"<html>"))
        self.assertIn("gave no answer that can be read", refusing(200, b"<html>"))
        self.assertIn("answered 0 of 1 questions", refusing(200, b'{"multipliers": []}'))
        for value in ("0", "-1", "NaN", "Infinity", "null", '"x"'):
            refusing(200, f'{{"multipliers": [{{"multiplier": {value}}}]}}'.encode())
        self.settings["url"] = "http://127.0.0.1:9"
        self.assertIn("http://127.0.0.1:9 cannot be reached", refusing(200, None))
        self.settings["url"] = "nonsense"
        refusing(200, None)

    def test_no_exception_reaches_the_bot(self) -> None:
        strategy = self.strategy()
        strategy.dp = None
        strategy.config = None
        with self.assertLogs("strandline_sizing", "WARNING"):
            strategy.bot_loop_start(current_time=NOW)
            self.assertEqual(self.stake(strategy, current_time=None), 200)
        frame = {"enter_long": [1]}
        with self.assertLogs("strandline_sizing", "ERROR"):
            self.assertIs(strategy.populate_entry_trend(frame, {"pair": "BTC/USDT"}), frame)

    def test_questions_do_not_pile_up(self) -> None:
        self.settings["timeout"] = 0.05
        self.service.delay = 5.0
        strategy = self.strategy()
        with self.assertLogs("strandline_sizing", "WARNING") as logs:
            for i in range(6):
                self.stake(strategy, tag=f"tag{i}")
        self.assertLessEqual(len(self.service.requests), 3)
        self.assertIn("3 earlier questions are not answered yet", logs.output[-1])

    def test_a_class_between_may_hold_the_signals(self) -> None:
        class Plain(IStrategy):
            def populate_entry_trend(self, dataframe: Any, metadata: Any) -> Any:
                return dataframe

        class Sized(StrandlineSizing, Plain):
            pass

        strategy = self.strategy(kind=Sized)
        strategy.populate_entry_trend({"date": [NOW], "enter_short": [1], "enter_tag": ["x"]}, {"pair": "BTC/USDT"})
        self.assertEqual(strategy._strandline_state.tags, {"x"})


class Backtest(Case):
    def signals(self, strategy: Any, minutes: list[int]) -> None:
        dates = [NOW.replace(minute=minute) for minute in minutes]
        frame = {"date": dates, "enter_long": [1] * len(dates), "enter_tag": ["dip"] * len(dates)}
        strategy.populate_entry_trend(frame, {"pair": "BTC/USDT"})

    def test_all_signals_are_asked_for_at_once_as_of_the_candle_of_their_entry(self) -> None:
        strategy = self.strategy(RunMode.BACKTEST)
        self.signals(strategy, [0, 5, 40])
        strategy.bot_loop_start(current_time=NOW)
        for minute in (5, 10, 45):
            self.assertEqual(self.stake(strategy, current_time=NOW.replace(minute=minute)), 100)
        [(_, _, asks)] = self.service.requests
        milliseconds = [int(NOW.replace(minute=minute).timestamp() * 1000) for minute in (5, 10, 45)]
        self.assertEqual([ask["as_of"] for ask in asks], milliseconds)
        self.assertEqual(asks[0]["entry_context"]["hour"], "14")

    def test_an_entry_at_another_moment_is_asked_for_alone(self) -> None:
        strategy = self.strategy(RunMode.BACKTEST)
        self.signals(strategy, [0])
        self.stake(strategy, current_time=NOW.replace(minute=5))
        self.stake(strategy, current_time=NOW.replace(minute=6))
        self.assertEqual([len(asks) for _, _, asks in self.service.requests], [1, 1])

    def test_many_signals_are_several_requests(self) -> None:
        strategy = self.strategy(RunMode.BACKTEST)
        strategy._strandline_state.signals["ETH/USDT"] = [(i, "dip") for i in range(MOST_ASKS + 7)]
        self.stake(strategy)
        self.assertEqual([len(asks) for _, _, asks in self.service.requests], [MOST_ASKS, 8])

    def test_a_multiplier_of_1_leaves_every_stake_as_it_is_to_the_last_bit(self) -> None:
        self.service.raw = json.dumps({"multipliers": [{"multiplier": 1}]}).encode()
        for proposed in (0.1 + 0.2, 3.0, 1e9):
            given = {"proposed_stake": proposed, "min_stake": 5.0, "max_stake": 100.0}
            self.assertEqual(self.stake(self.strategy(RunMode.BACKTEST), **given), proposed)

    def test_without_the_service_it_goes_on_unsized_and_says_so_once(self) -> None:
        self.settings["url"] = "http://127.0.0.1:9"
        strategy = self.strategy(RunMode.BACKTEST)
        with self.assertLogs("strandline_sizing", "WARNING") as logs:
            for minute in range(5):
                self.assertEqual(self.stake(strategy, current_time=NOW.replace(minute=minute)), 200)
        self.assertEqual(len(logs.output), 1)
        self.assertIn("THIS BACKTEST IS NOT SIZED", logs.output[0])

    def test_a_strategy_can_be_pickled_as_hyperopt_does(self) -> None:
        strategy = self.strategy(RunMode.BACKTEST)
        self.signals(strategy, [0])
        self.stake(strategy)
        pickle.loads(pickle.dumps(strategy._strandline_state))


if __name__ == "__main__":
    logging.disable(logging.NOTSET)
    unittest.main()
