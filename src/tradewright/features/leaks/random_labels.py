"""The random-label test: trained on labels that mean nothing, a model must not do better than chance.

Labels are shuffled before the whole training runs, feature selection, encodings and splits included. A training that
lets the answer in (features chosen or encoded on all labels, test rows in the training set) still scores. Nothing can
be learnt from shuffled labels, so, given what was predicted, the number of hits in the test rows has the distribution
of a random permutation: its mean and variance are known (hypergeometric for two classes) and no interval has to be
guessed. (Where every row is held out once, the training sees the complement of the test labels and does a little worse
than chance, never better.) What it cannot see is a leak in features that were computed before the labels were shuffled;
for those there are truncation, shuffle and delay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.errors import RunError
from tradewright.core.types.feature import Floats
from tradewright.features.leaks.finding import Detector, LeakFinding, LeakVerdict

_RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a training predicted: the ``rows`` i8[k] of the label table it was tested on, and their ``values`` f8[k]."""

    rows: NDArray[np.int64]
    values: Floats


#: A whole training: from the labels of all rows, f8[m], to predicted classes on the rows it holds out.
Trainer = Callable[[Floats], Predicted]


def check_random_labels(
    trainer: Trainer, labels: Floats, *, trials: int = 30, sigmas: float = 5.0, seed: int = 0, name: str = "training"
) -> LeakVerdict:
    """Train on shuffled labels and compare the share of hits with chance.

    Parameters
    ----------
    trainer : callable
        The whole training, everything that sees labels included.
    labels : ndarray of float64, shape (m,)
        Classes, such as -1, 0 and 1.
    trials : int
        Permutations, each from the seed.
    sigmas : float
        How far above chance the mean may lie; 5 is once in three million for a clean training.

    Raises
    ------
    RunError
        If the training fails, predicts nothing, or rows that do not exist.
    ValueError
        If there are no two classes, or no trial.
    """
    if len(np.unique(labels)) < 2 or trials < 1:
        msg = "random labels need two classes and one trial or more"
        raise ValueError(msg)
    rng = np.random.default_rng(seed)
    excess = variance = hits = 0.0
    tested = 0
    for _ in range(trials):
        mixed = rng.permutation(labels)
        made = _predicted(trainer, mixed, name)
        truth = mixed[made.rows]
        right = float((truth == made.values).mean())
        mean, spread = _by_chance(truth, made.values)
        hits += right
        excess += right - mean
        variance += spread
        tested += len(truth)
    z = excess / variance**0.5 if variance > 0.0 else 0.0
    base = (hits - excess) / trials
    findings = []
    if z > sigmas:
        detail = (
            f"on shuffled labels {hits / trials:.1%} are right, by chance {base:.1%}: {z:.1f} standard errors above"
        )
        findings.append(LeakFinding(Detector.RANDOM_LABEL, name, -1, 0, detail))
    width = sigmas * variance**0.5 / trials
    proves = (
        f"over {trials} shuffles ({tested:,} predictions) the score is {hits / trials:.2%}; "
        f"chance is {base:.2%} and the interval reaches {width:.2%} above it"
    )
    return LeakVerdict(Detector.RANDOM_LABEL, tuple(findings), trials, proves)


def ridge_trainer(table: Floats, folds: int = 5, embargo: int = 0) -> Trainer:
    """Return a plain training: ridge regression on the classes, one fold of rows in time held out after the other.

    Parameters
    ----------
    table : ndarray of float64, shape (m, k)
        Features of each labelled row, in order of time; NaN counts as the column's mean.
    folds : int
        Stretches of time held out.
    embargo : int
        Rows left out of the training on both sides of a stretch.
    """

    def train(labels: Floats) -> Predicted:
        m = len(labels)
        parts = [part for part in np.array_split(np.arange(m), folds) if len(part)]
        return Predicted(
            np.concatenate(parts), np.concatenate([_ridge(table, labels, part, embargo) for part in parts])
        )

    return train


def _ridge(table: Floats, labels: Floats, test: NDArray[np.int64], embargo: int) -> Floats:
    """Fit on all rows but the test's, scaling included, and return the nearest class for each test row."""
    is_train = np.ones(len(labels), np.bool_)
    is_train[max(int(test[0]) - embargo, 0) : int(test[-1]) + embargo + 1] = False
    classes = np.unique(labels)
    if not is_train.any():
        return np.full(len(test), classes[0])
    known = np.where(np.isfinite(table), table, np.nan)
    count = np.maximum(np.isfinite(known[is_train]).sum(axis=0), 1)
    mean = np.nansum(known[is_train], axis=0) / count
    filled = np.where(np.isnan(known), mean, known) - mean
    scale = np.sqrt((filled[is_train] ** 2).mean(axis=0))
    x = filled / np.where(scale > 0.0, scale, 1.0)
    middle = labels[is_train].mean()
    inside = x[is_train]
    weights = np.linalg.solve(inside.T @ inside + _RIDGE * np.eye(x.shape[1]), inside.T @ (labels[is_train] - middle))
    score = x[test] @ weights
    # the median of the fitted scores parts the classes, so that a lopsided sample does not end in one class
    marks = np.quantile(inside @ weights, np.cumsum([(labels[is_train] == c).mean() for c in classes])[:-1])
    chosen: Floats = classes[np.searchsorted(marks, score, side="right")]
    return chosen


def _predicted(trainer: Trainer, labels: Floats, name: str) -> Predicted:
    try:
        made = trainer(labels.copy())
    except RunError:
        raise
    except Exception as error:  # a user's training may raise anything at all
        what = f"it fails on shuffled labels: {type(error).__name__}: {error}"
        raise RunError(what, where=name, fix="It must accept any labels of the same classes.") from error
    rows, values = np.asarray(made.rows, np.int64), np.asarray(made.values, np.float64)
    if not len(rows) or rows.shape != values.shape or rows.min() < 0 or rows.max() >= len(labels):
        what = f"it predicts {values.shape} values for {rows.shape} rows of {len(labels)}"
        raise RunError(what, where=name, fix="Return rows of the label table and a class for each.")
    return Predicted(rows, values)


def _by_chance(truth: Floats, values: Floats) -> tuple[float, float]:
    """Return mean and variance of the share of hits when ``truth`` is permuted against ``values``.

    The number of hits is the sum of a[i, p(i)] over a random permutation p, with a[i, j] = 1 where the i-th prediction
    is the j-th truth; Hoeffding (1951) gives var = sum of d[i, j]^2 / (n - 1), d being a centred by rows and columns.
    """
    n = len(truth)
    classes = np.unique(np.concatenate([truth, values]))
    p = np.array([(values == c).mean() for c in classes])
    q = np.array([(truth == c).mean() for c in classes])
    mean = float(p @ q)
    if n < 2:
        return mean, 0.0
    # d = a - row mean - column mean + mean; a row of class c has the mean q[c], a column of class c the mean p[c]
    a = np.eye(len(classes))
    d = a - q[:, None] - p[None, :] + mean
    squares = float(p @ (d**2) @ q) * n * n
    return mean, squares / (n - 1) / n**2
