"""Strategies of the tests. A running bot enters what it is told to; a backtest enters every hour, with one of two tags, and leaves after half an hour."""
from freqtrade.strategy import IStrategy
from strandline_sizing import StrandlineSizing


class Steady(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "5m"
    startup_candle_count = 2
    process_only_new_candles = True
    minimal_roi = {"0": 0.5, "30": -1}
    stoploss = -0.2

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        if self.dp.runmode.value == "backtest":
            date = dataframe["date"].dt
            hit = date.minute == 5
            dataframe.loc[hit, "enter_long"] = 1
            dataframe.loc[hit, "enter_tag"] = (date.hour % 2).map({0: "good", 1: "bad"})[hit]
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe


class Sized(StrandlineSizing, Steady):
    """Learned by the name of the other: both backtests would make the same trades."""

    def get_strategy_name(self):
        return "Steady"
