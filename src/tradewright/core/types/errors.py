"""Errors a user can meet, as one tree named by the reaction of the outermost loop.

TradewrightError            something the user can understand and mend; never shown as a traceback
|-- UsageError              the call or the configuration is wrong; nothing was started (exit code 2)
|   |-- ConfigError         a field of a configuration file, named with what is allowed
|   `-- StrategyLoadError   a strategy file that cannot be read, imported or understood
`-- RunError                the work started and could not be finished (exit code 1)
    |-- DataError           rows that break a rule, named by file, row and field
    |-- SourceError         a vendor refused, or kept failing, to hand over market data
    |-- VenueError          a venue refused, did not answer, or is away
    |-- StrategyError       a strategy's own code raised at a bar
    |-- ModelError          a model cannot learn from these rows, or an artefact is not what it should be
    `-- StoreError          the market-data store or a run folder cannot be read or written
"""

from __future__ import annotations

from collections.abc import Iterator


class TradewrightError(Exception):
    """A problem the user can understand and mend.

    Parameters
    ----------
    what : str
        What was wrong.
    where : str, optional
        File, row, field or bar it was found at.
    fix : str, optional
        What to do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what = what
        self.where = where
        self.fix = fix
        super().__init__(what)

    def __str__(self) -> str:
        """One line: ``where: what (fix)``, leaving out what is not known."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}. {self.fix}" if self.fix else head


class UsageError(TradewrightError):
    """The call or the configuration is wrong; nothing was started."""

    exit_code = 2


class ConfigError(UsageError):
    """A field of a configuration is missing, unknown or out of range."""


class StrategyLoadError(UsageError):
    """A strategy file cannot be read, imported or understood."""


class RunError(TradewrightError):
    """The work started and could not be finished."""


class DataError(RunError):
    """Market-data rows break a rule."""


class SourceError(RunError):
    """A vendor of market data refused, or kept failing after every retry."""


class VenueError(RunError):
    """A trading venue refused, did not answer, or is away; `execution.venue` says which."""


class StrategyError(RunError):
    """A strategy's own code raised."""


class ModelError(RunError):
    """A model cannot learn from what it was given, or its artefact is not what it should be."""


class StoreError(RunError):
    """The data store or a run folder cannot be read or written."""


def first_of(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return one error of what tasks side by side raised: one that the user can mend before a defect."""
    found = list(_leaves(failures))
    return next((e for e in found if isinstance(e, TradewrightError)), found[0])


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
