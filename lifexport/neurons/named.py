"""Words that tell the operations their names, so that every overflow rule of a step is told apart from the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from .int_lif import IntLIF
from .rules import Rules, Word


@dataclass(frozen=True, kw_only=True)
class NamedWord(Word):
    """A word that tells the operations whose overflow rule acts."""

    name: str

    def fit(self, ops, x):
        """``Word.fit`` under this name, which ``ops.word`` holds meanwhile."""
        ops.word = self.name
        fitted = super().fit(ops, x)
        ops.word = None
        return fitted


@lru_cache(maxsize=64)
def named_words(node: IntLIF) -> IntLIF:
    """The same neurons, of words that tell their names: ``membrane``, ``current``, ``sum``, ``drive``, ``increment``.

    Neurons are frozen, so that identity stands for content.
    """
    return replace(node, rules=_named(node.rules))


def _named(rules: Rules) -> Rules:
    def named(name: str, word: Word | None) -> Word | None:
        return word and NamedWord(lo=word.lo, hi=word.hi, overflow=word.overflow, name=name)

    return replace(
        rules,
        membrane=named("membrane", rules.membrane),
        current=rules.current and replace(rules.current, word=named("current", rules.current.word)),
        sum_word=named("sum", rules.sum_word),
        drive_word=named("drive", rules.drive_word),
        increment=named("increment", rules.increment),
    )
