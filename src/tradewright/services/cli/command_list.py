"""Every command of the program with its line of help, and the group that imports a command when it is asked for.

Twenty modules stand behind the commands, and a start needs one of them; the list of all of them is shown from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

# Typer brings its own copy of click from some version on, so these classes have no name to import.
Command = Any
Context = Any
Formatter = Any

#: Name of the command: the module that registers it, and the first sentence of its help. A test compares them.
COMMANDS: Final = {
    "backtest": ("backtest", "Run a strategy over stored bars and write a run folder with a report."),
    "allocate": (
        "allocate",
        "Spread equity over instruments or runs, with weights that were known before they are held.",
    ),
    "report": ("runs", "Write a run's report again, from its files."),
    "compare": ("runs", "Show where the second run differs from the first; exit code 1 if it is worse in any number."),
    "warm": ("make", "Compile everything that is compiled and keep it, so that later starts are quick."),
    "demo": ("make", "Backtest several strategies on the real bars that come with the package, and write reports."),
    "train": ("train", "Train a model, validate it out of sample, and register the artefact as a candidate."),
    "retrain": (
        "retrain",
        (
            "Train the promoted model again where it is due, and promote what passes the gate; "
            "exit code 1 where it does not."
        ),
    ),
    "evaluate": ("evaluate", "Judge a registered model out of sample and in money, and keep the evidence beside it."),
    "tune": (
        "tune",
        "Search parameters of model and strategy on the rows before the first test fold; every trial is counted.",
    ),
    "gate-study": (
        "gate_study",
        "Measure how often the gate is wrong, on made-up markets about which the truth is known.",
    ),
    "challenge": (
        "challenge",
        "Simulate a prop firm's challenge with the days of a run: how likely it is passed, and what that rests on.",
    ),
    "exchange": (
        "exchange",
        "Serve recorded or synthetic markets with an account, in a real venue's protocol, until Ctrl-C.",
    ),
    "paper": (
        "trade",
        "Trade with play money: a recording, or a live feed, on the simulated venue or a broker's paper account.",
    ),
    "live": (
        "trade",
        "Trade with real money: only what was approved and armed, and only while everything else is there.",
    ),
    "status": (
        "status",
        "Show positions, orders, limits used, feeds, latencies, journal and alerts of a session, or of all.",
    ),
    "kill": ("kill", "Stop trading now: one step, no network, with a live, hung or dead process."),
    "release": (
        "kill",
        "Let a killed scope trade again: one person asks and says why, another confirms with --confirm NUMBER.",
    ),
    "arm": ("arm", "Arm an account for real money, for a while: account, configuration, code and model, by hash."),
    "disarm": ("arm", "Take the arm file away. A session that runs is not stopped: that is `tradewright kill`."),
    "approve": (
        "arm",
        "Approve what is installed here, with this configuration and its model, as the one release that may run.",
    ),
    "watchdog": (
        "watchdog",
        (
            "Watch a session's heartbeat, and kill if it stops: on the disk first, then at the venue, "
            "until that is verified."
        ),
    ),
    "drill": ("drill", "Practise what must work when it matters."),
    "replay": (
        "forensics",
        "Make every decision of a session again from its journal and compare; fails where one differs.",
    ),
    "divergence": (
        "forensics",
        "Hold a session against a fresh backtest of the same hours: each difference, its cause and its money.",
    ),
    "mt5-bridge": ("mt5_bridge", "Serve the MetaTrader 5 terminal of this Windows machine over HTTP until Ctrl-C."),
    "costs": ("costs", "Measure what trading costs, and look at it."),
    "controls": ("controls", "What stands between a wish and the wire."),
    "data": ("data", "Bring market data in and look at it."),
    "features": ("features", "Build tables of features, and look for leaks."),
    "models": ("models", "Models: what is registered, proven, promoted; and the way back."),
    "runs": ("runs", "Look at past runs."),
    "strategies": ("strategies", "Strategies and their parameters."),
    "new": ("strategies", "Write a file to start from."),
    "experiment": ("experiment", "What was tried, and whether one beats another."),
    "journal": ("journal", "Verify, show and export the journal of an account."),
    "rules": ("rules", "Look at prop-firm rules, and check your own."),
}


@cache
def _registered(module: str) -> Mapping[str, Command]:
    """Import a module of commands and return what it registers, by name."""
    part = typer.Typer(rich_markup_mode=None)
    import_module(f"tradewright.services.cli.{module}").register(part)
    return typer.main.get_group(part).commands


class _Commands(Mapping[str, Command]):
    """All commands by name; reading one imports its module."""

    def __getitem__(self, name: str) -> Command:
        module, _ = COMMANDS[name]
        return _registered(module)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Program(TyperGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401  # whatever typer gives a group
        super().__init__(**attributes)
        self.commands: Any = _Commands()

    def format_commands(self, ctx: Context, formatter: Formatter) -> None:
        """List the commands from the table."""
        listed: Any = {name: TyperCommand(name, help=text) for name, (_, text) in COMMANDS.items()}
        TyperGroup(commands=listed).format_commands(ctx, formatter)
