"""Statistics of the report: intervals of proportions, and signal to quantization noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Proportion:
    """``count`` of ``total`` independent samples, with the Wilson interval at 95 %.

    Examples
    --------
    >>> p = Proportion(count=49, total=50)
    >>> p.rate, [round(edge, 3) for edge in p.interval]
    (0.98, [0.895, 0.996])
    """

    count: int
    total: int

    @property
    def rate(self) -> float:
        """The proportion itself."""
        return self.count / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson score interval [1]_.

        References
        ----------
        .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
        """
        from scipy.stats import binomtest  # slow to load

        interval = binomtest(self.count, self.total).proportion_ci(CONFIDENCE, method="wilson")
        return float(interval.low), float(interval.high)


@dataclass(frozen=True, kw_only=True)
class PairedChange:
    """Change of a proportion measured twice on the same samples: ``gained`` became right, ``lost`` became wrong.

    Examples
    --------
    >>> change = PairedChange(gained=2, lost=3, total=450)
    >>> round(change.rate, 4), [round(edge, 4) for edge in change.interval]
    (-0.0022, [-0.0137, 0.0093])
    """

    gained: int
    lost: int
    total: int

    @property
    def rate(self) -> float:
        """Difference of the two proportions, second minus first."""
        return (self.gained - self.lost) / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Adjusted Wald interval for paired samples, 95 % [1]_.

        References
        ----------
        .. [1] D. G. Bonett and R. M. Price, "Adjusted Wald confidence interval for a difference of binomial
           proportions based on paired data", Journal of Educational and Behavioral Statistics 37 (2012).
        """
        gained, lost = ((count + 1) / (self.total + 2) for count in (self.gained, self.lost))
        half = 1.959963984540054 * math.sqrt((gained + lost - (gained - lost) ** 2) / (self.total + 2))
        return max(-1.0, gained - lost - half), min(1.0, gained - lost + half)


@dataclass
class Noise:
    """Sums of squares of a signal and of its error, gathered piece by piece.

    Examples
    --------
    >>> noise = Noise()
    >>> noise.add(np.array([10.0]), np.array([9.0]))
    >>> noise.sqnr_db
    20.0
    """

    signal: float = 0.0
    error: float = 0.0

    def add(self, exact: np.ndarray, realised: np.ndarray) -> None:
        """Take further values into account."""
        self.signal += float(np.square(exact).sum())
        self.error += float(np.square(exact - realised).sum())

    @property
    def sqnr_db(self) -> float | None:
        """Signal to quantization noise, decibel; None if there is no noise at all, or no signal to hold it against."""
        if self.error == 0.0 or self.signal == 0.0:
            return None
        return round(10 * math.log10(self.signal / self.error), 3)
