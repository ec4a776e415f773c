"""What a set of features is, as a hash: equal hashes mean equal values on equal data."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from tradewright.core.types.feature import Feature
from tradewright.features.step_identity import step_identity


def feature_identity(feature: Feature) -> str:
    """Return 32 hex digits over name, parameters, first memory, warm-up, what it reads, and the code it reaches.

    The code counts as byte code, so another Python version may give another hash; a comment does not.
    """
    parts = (
        feature.key,
        repr(tuple(float(p) for p in feature.params)),
        repr(tuple(float(s) for s in feature.state)),
        repr((feature.warmup, int(feature.reads or 0), feature.has_gaps)),
        step_identity(feature.step),
    )
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()


def set_identity(features: Mapping[str, Feature]) -> str:
    """Return 32 hex digits over the features, the names they go by, and their order."""
    text = "\n".join(f"{name}\0{feature_identity(feature)}" for name, feature in features.items())
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
