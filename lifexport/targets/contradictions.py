"""What a schema cannot say about a target description: parts that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..findings import Finding

ABOUT = ("schema", "name", "description", "status", "sources", "evidence", "time")
"""Sections that are about the description; every other one is a rule and needs evidence."""


def contradictions(document: dict[str, Any]) -> list[Finding]:
    """Everything that contradicts itself (LX201): ranges, words, leaks, rules that exclude each other, evidence."""
    return [
        *_ranges(document, ""),
        *_words(document),
        *_leaks(document),
        *_exclusive(document),
        *_widths(document),
        *_evidence(document),
    ]


def _finding(field: str, found: object, fix: str) -> Finding:
    return Finding(code="LX201", field=field, found=f"{found}", fix=fix)


def _ranges(section: Any, path: str) -> Iterator[Finding]:
    if not isinstance(section, dict):
        return
    if "min" in section and "max" in section:
        default = section.get("default", section["min"])
        if default is None and path not in ("threshold.bits", "bias.bits"):
            yield _finding(f"{path}.default", "null", "name a width; only threshold and bias follow the state")
        elif not section["min"] <= (section["min"] if default is None else default) <= section["max"]:
            yield _finding(path, section, "order them: min <= default <= max")
        return
    for name, part in section.items():
        yield from _ranges(part, f"{path}.{name}" if path else name)


def _words(document: dict[str, Any]) -> Iterator[Finding]:
    current = document["current"] or {}
    words = {
        "state": document["state"],
        "drive": document["drive"],
        "increment": document["increment"],
        "accumulate.word": document["accumulate"]["word"],
        "current.word": current.get("word"),
    }
    for path, word in words.items():
        if word is None:
            continue
        if ("bits" in word) == ("lo" in word or "hi" in word) or ("lo" in word) != ("hi" in word):
            yield _finding(path, ", ".join(sorted(word)), "give either bits, or lo and hi")
        elif isinstance(word.get("lo"), int) and isinstance(word.get("hi"), int) and word["lo"] > word["hi"]:
            yield _finding(path, f"{word['lo']}..{word['hi']}", "give the lowest value first")
        elif path != "state" and any(not isinstance(word.get(end, 0), int) for end in ("lo", "hi")):
            yield _finding(path, "a choice of limits", "only the limits of the state can be chosen")


def _leaks(document: dict[str, Any]) -> Iterator[Finding]:
    product = {"bits", "rounding"}
    needs = {"multiply": product, "toward_input": product, "shift": {"bits"}, "linear": {"bits"}, "none": set()}
    extra = {"multiply": {"offset"}, "toward_input": {"gain_bits"}, "shift": {"at_least_one"}}
    for path, leak in (("leak", document["leak"]), ("current.leak", (document["current"] or {}).get("leak"))):
        if leak is None:
            continue
        given = leak.keys() & {"bits", "rounding", "offset", "at_least_one", "gain_bits"}
        for name in sorted(needs[leak["kind"]] - given):
            yield _finding(path, f"a {leak['kind']} leak without {name}", f"add {name}")
        for name in sorted(given - needs[leak["kind"]] - extra.get(leak["kind"], set())):
            yield _finding(f"{path}.{name}", f"for a {leak['kind']} leak", "leave it out: the leak has no use for it")


def _exclusive(document: dict[str, Any]) -> Iterator[Finding]:
    current, increment, bias = document["current"], document["increment"], document["bias"]
    late = document["reset"]["when"] == "next_step"
    if increment is not None and (current is None or document["leak"]["kind"] != "shift"):
        yield _finding("increment", "without a current and a shift leak", "set it to null")
    if (
        increment is not None
        and "lo" in increment
        and isinstance(increment["lo"], int)
        and isinstance(increment["hi"], int)
    ):
        size = increment["hi"] - increment["lo"] + 1
        if size < 1 or size & (size - 1):
            yield _finding("increment", f"{size} values", "use a power of two of values: the leak's share wraps in it")
    if document["leak"]["kind"] == "toward_input":
        yield from _relaxation(document)
    if document["drive"] is not None and current is None:
        yield _finding("drive", "without a current", "set it to null")
    into = "increment" if increment is not None else "drive" if document["drive"] is not None else "membrane"
    into = "input" if document["leak"]["kind"] == "toward_input" else into
    if bias is not None and bias["into"] != into:
        yield _finding("bias.into", f"{bias['into']!r}", f"use {into!r}: the bias is added before that range is left")
    if document["accumulate"]["word"] is not None and document["accumulate"]["order"] != "sum":
        yield _finding("accumulate.word", "for inputs that are never summed", "set it to null")
    if document["spike"]["judged"] == "next_step_start" and not late:
        yield _finding("reset.when", "'step_end'", "use 'next_step': a spike that is seen later is reset later")
    if not document["leak"]["on_fire"] and not late:
        yield _finding(
            "leak.on_fire", "false", "use true: a membrane that was reset at once has forgotten that it fired"
        )
    if (document["time"] == "event") != (document["leak"]["when"] == "on_tick"):
        yield _finding("leak.when", f"{document['leak']['when']!r}", "leaks act at ticks where time goes by events")


def _relaxation(document: dict[str, Any]) -> Iterator[Finding]:
    """A membrane that relaxes towards its input takes the sum of a step, in every step."""
    if document["current"] is not None:
        yield _finding("current", "with a leak towards the input", "set it to null")
    if document["accumulate"]["order"] != "sum":
        yield _finding("accumulate.order", f"{document['accumulate']['order']!r}", "use 'sum': it relaxes towards that")
    if not document["leak"]["on_fire"]:
        yield _finding("leak.on_fire", "false", "use true: without the leak there is no input either")
    if document["time"] == "event":
        yield _finding("time", "'event'", "use 'stepped': the input of a tick is not the input of a step")


def _widths(document: dict[str, Any]) -> Iterator[Finding]:
    if "bits" not in document["state"]:
        return
    state = document["state"]["bits"]["max"]
    for section in ("threshold", "bias"):
        width = document[section] and document[section]["bits"]["max"]
        if width and width > state:
            yield _finding(f"{section}.bits.max", width, f"at most the {state} bits of the state")


def _evidence(document: dict[str, Any]) -> Iterator[Finding]:
    for section in document:
        if section not in ABOUT and section not in document["evidence"]:
            yield _finding(f"evidence.{section}", "nothing", "say how it is known, and from which source")
    for path, entry in document["evidence"].items():
        part: Any = document
        for name in path.split("."):
            part = part.get(name, ...) if isinstance(part, dict) else ...
        if part is ...:
            yield _finding(f"evidence.{path}", "a path that leads nowhere", "name a section of this description")
        if entry["source"] not in document["sources"]:
            yield _finding(f"evidence.{path}.source", f"{entry['source']!r}", f"use {', '.join(document['sources'])}")
