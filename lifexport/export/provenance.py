"""The provenance record: what a file format cannot say about a network, as one JSON string in its metadata.

NIR and ONNX files carry it under the single key ``lifexport``. It states what was trained and under which
rules, and the digest of every array, so that a file edited afterwards is found. It never holds a digest of
the file it lies in, a time or a path: equal networks give equal records. Other tools may ignore it.

=============  ==========================================================================================
``schema``     ``lifexport.provenance/1``
``tool``       name and version of what wrote it
``kind``       ``FloatNetwork`` or ``IntNetwork``; the latter adds ``target``, ``target_digest``, ``approximations``,
               and where it states them ``quantized_from`` and ``calibrated_on``
``digest``     ``network.digest()``: everything the network is
``dt``         seconds, as the exact ratio ``{"num", "den"}``
``readout``    as in the network; so is ``state_reset``
``origin``     how the network was read, where it comes from a file of another tool (``origin.py``)
``nodes``      per node, by its own name: ``kind``; ``fields``, its scalar facts; ``arrays``, dtype,
               shape and sha256 of each; ``values``, arrays the format has no place for, as exact
               hexadecimal floats
``edges``      ``[source, target, delay]``
``renamed``    name in the file -> name in the network, where the format forbids the latter
``profile``    NIR: ``plain``, or the importer the file was written for; then, and for integers, ``settings`` and
               ``reset`` there, ``trained`` (digest of what it was made of), ``stored`` (digests of the file's fields,
               edges and of these facts); for integers ``domain``, and ``weights``: where they are, times what
=============  ==========================================================================================

Scalar facts are exact: real numbers are ratios of integers, never decimal floats.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, TypeGuard

import numpy as np

from .. import __version__, files
from ..errors import LifexportError
from ..findings import error
from ..network import IntNetwork, Network
from ..origin import origin_of, stated
from ..samples import Samples
from ..schemas import header

KEY = "lifexport"
"""The one metadata key that carries the record."""

LONGEST = 1 << 30
"""Delays a record may state, in steps: ``graph`` takes more for no way at all."""

MOST_VALUES = 1 << 20
"""Values of a record: some for every node, and the numbers that the format has no place for."""
MOST_AXES = 32

FLOAT = np.dtype(np.float64)

VERSION = 1
SCHEMA = f"lifexport.provenance/{VERSION}"

_NODE = {"kind": str, "fields": dict, "arrays": dict, "values": dict}
_ARRAY = {"dtype": str, "shape": list, "sha256": str}
_RECORD = {
    "schema": str,
    "tool": {"name": str, "version": str},
    "kind": str,
    "digest": str,
    "dt": {"num": int, "den": int},
    "readout": str,
    "state_reset": str,
    "nodes": dict,
    "edges": list,
    "renamed": dict,
}


def record(
    network: Network,
    *,
    values: Mapping[str, Mapping[str, np.ndarray]] | None = None,
    renamed: Mapping[str, str] | None = None,
    **extra: Any,
) -> str:
    """Provenance record of a network, canonical JSON.

    Parameters
    ----------
    network : FloatNetwork or IntNetwork
        What the file holds.
    values : mapping from node name to mapping from field to float array, optional
        Arrays that the format has no place for; they are stored in full, exactly.
    renamed : mapping from name in the file to name in the network, optional
        Nodes the format forced to another name.
    **extra
        Further facts of the exporter, as plain JSON values (``profile="plain"``); no key of the table above.

    Returns
    -------
    str
        The same for the same network, on every machine and in every process.

    Examples
    --------
    >>> from lifexport.graph import Edge
    >>> from lifexport.network import FloatNetwork, Input, Output
    >>> from lifexport.neurons import FloatLIF
    >>> lif = FloatLIF(shape=(1,), dt=0.5, tau=2.0, r=1.0, v_threshold=1.0, v_reset=0.0)
    >>> nodes = {"in": Input(shape=(1,)), "lif": lif, "out": Output(shape=(1,))}
    >>> net = FloatNetwork(nodes=nodes, edges=[Edge("in", "lif"), Edge("lif", "out")], dt=0.5)
    >>> fields = parse(record(net))
    >>> fields["kind"], fields["dt"], fields["nodes"]["lif"]["fields"]["reset"]
    ('FloatNetwork', {'den': 2, 'num': 1}, 'subtract')
    """
    facts: dict[str, Any] = {
        **header(SCHEMA),
        "kind": type(network).__name__,
        "digest": network.digest(),
        "dt": plain(network.dt),
        "readout": network.readout,
        "state_reset": network.state_reset,
        "nodes": {name: _node(node, (values or {}).get(name, {})) for name, node in network.nodes.items()},
        "edges": [[edge.source, edge.target, edge.delay] for edge in network.edges],
        "renamed": dict(renamed or {}),
        **stated(network.origin),
    }
    if isinstance(network, IntNetwork):
        facts |= {"target": network.target, "target_digest": network.target_digest}
        facts |= {"approximations": list(network.approximations), **lineage(network)}
    assert not facts.keys() & extra.keys()
    return files.canonical_json(facts | extra)


def lineage(network: IntNetwork) -> dict[str, Any]:
    """Where an integer network comes from, as far as it says so: JSON values of its optional fields.

    Examples
    --------
    >>> made_of({"quantized_from": "00ff"})
    {'trained': '00ff', 'calibration': None}
    """
    found = {} if network.trained is None else {"quantized_from": network.trained}
    return found if network.calibration is None else found | {"calibrated_on": network.calibration.to_json()}


def made_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of ``IntNetwork`` that ``lineage`` stated."""
    return {
        "trained": fields.get("quantized_from"),
        "calibration": Samples.restored(fields.get("calibrated_on")),
    }


def parse(text: object) -> dict[str, Any]:
    """Fields of a provenance record; their presence and types are checked here and nowhere later.

    Raises
    ------
    FileError
        LX003 if the text is damaged, LX004 if its schema is newer than this version of lifexport.

    Examples
    --------
    >>> parse('{"schema":"lifexport.provenance/2"}')
    Traceback (most recent call last):
    lifexport.errors.FileError: LX004 file of a newer version: provenance record: ...
    """
    if not isinstance(text, str):
        raise _damaged(f"a {type(text).__name__} instead of text")
    try:
        files.require_few_values(text.encode(errors="replace"), MOST_VALUES)
        fields = json.loads(text, parse_constant=_no_constant)
        files.canonical_json(fields).encode()  # refuses what JSON text can smuggle in: 1e999, half a surrogate pair
    except (ValueError, RecursionError) as reason:
        raise _damaged(f"not JSON ({reason})") from None
    _require_schema(fields)
    _require_form(fields, _RECORD, "")
    if fields["kind"] == IntNetwork.__name__:
        _require_form(fields, {"target": str, "target_digest": str, "approximations": list}, "")
        if not all(isinstance(text, str) for text in fields["approximations"]):
            raise _damaged("approximations are not all sentences")
        _require_lineage(fields)
    for name, node in fields["nodes"].items():
        _require_form(node, _NODE, f"nodes.{name}")
        for field, entry in node["arrays"].items():
            _require_form(entry, _ARRAY, f"nodes.{name}.arrays.{field}")
            if not is_shape(entry["shape"]):
                raise _damaged(f"nodes.{name}.arrays.{field}.shape is no shape")
        for field, entry in node["values"].items():
            decode(entry, f"nodes.{name}.values.{field}")
    for i, edge in enumerate(fields["edges"]):
        if not (isinstance(edge, list) and [type(part) for part in edge] == [str, str, int]):
            raise _damaged(f"edges[{i}] is not [source, target, delay]")
        if not 0 <= edge[2] < LONGEST:
            raise _damaged(f"edges[{i}] is not 0..{LONGEST - 1} steps late")
    if not all(isinstance(name, str) for name in fields["renamed"].values()):
        raise _damaged("renamed does not map names to names")
    exact_dt(fields)
    origin_of(fields)
    return fields


def exact_dt(fields: Mapping[str, Any]) -> float:
    """Time step of a parsed record, seconds: the float64 that was recorded, bit for bit."""
    try:
        return float(Fraction(fields["dt"]["num"], fields["dt"]["den"]))
    except (ZeroDivisionError, OverflowError):
        raise _damaged("dt is not a number") from None


def is_shape(value: Any) -> TypeGuard[list[int]]:
    """Whether a JSON value is a list of sizes, none negative."""
    few = isinstance(value, list) and len(value) <= MOST_AXES
    return few and all(type(size) is int and 0 <= size < 1 << 62 for size in value)


def is_ratio(value: Any) -> TypeGuard[dict[str, int]]:
    """Whether a JSON value is a ratio of integers."""
    return isinstance(value, dict) and [type(value.get(k)) for k in ("num", "den")] == [int, int] and value["den"] != 0


def dtype(entry: Mapping[str, Any]) -> np.dtype:
    """Type of an array that a parsed record describes: float64 or int64, as both networks hold them."""
    if entry["dtype"] not in ("float64", "int64"):
        raise _damaged(f"an array of {entry['dtype']!r}")
    return np.dtype(entry["dtype"])


def decode(entry: Any, place: str = "a value", kind: np.dtype = FLOAT) -> np.ndarray:
    """Array that a parsed record stores in full (an item of a node's ``values``), bit for bit.

    Integers are stored as floats too, which hold them exactly up to 2**53.
    """
    _require_form(entry, {"shape": list, "hex": list}, place)
    shape, texts = entry["shape"], entry["hex"]
    if not is_shape(shape) or math.prod(shape) != len(texts):
        raise _damaged(f"{place} has {len(texts)} values for shape {shape}")
    try:
        array = np.array([float.fromhex(text) for text in texts], np.float64).reshape(shape)
    except (TypeError, ValueError, OverflowError):
        raise _damaged(f"{place} is not all hexadecimal floats") from None
    if kind.kind == "i" and not ((array == np.rint(array)) & (np.abs(array) < 2**53)).all():
        raise _damaged(f"{place} is not all integers")
    return array.astype(kind)


def changed(fields: Mapping[str, Any], network: Network) -> list[tuple[str | None, str]]:
    """Where a network is not the one a record describes, as ``(node, field)``; node None for the whole.

    Empty exactly if the digests agree, and every fact of the record with them. ``values`` and ``renamed`` are not
    compared: they are how the network was restored, and what they restore is under the digest.
    """
    now = json.loads(record(network))
    places: list[tuple[str | None, str]] = []
    for name in sorted({*fields["nodes"], *now["nodes"]}):
        old, new = fields["nodes"].get(name), now["nodes"].get(name)
        if old is None or new is None or old["kind"] != new["kind"]:
            places.append((name, "kind"))
            continue
        for group in ("fields", "arrays"):
            names = sorted({*old[group], *new[group]})
            places += [(name, field) for field in names if _differ(old[group], new[group], field)]
    whole = ("kind", "dt", "readout", "state_reset", "edges", "origin", "target", "target_digest", "approximations")
    whole += ("quantized_from", "calibrated_on")
    places += [(None, field) for field in whole if _differ(fields, now, field)]
    places = [*dict.fromkeys(places)]  # a bias that is None is a field, another one an array
    return places or [(None, "digest")] * (fields["digest"] != now["digest"])


def _differ(a: Mapping[str, Any], b: Mapping[str, Any], key: str) -> bool:
    """Whether two JSON objects differ in a key; unlike ``!=`` it tells true from 1 and 1.0, and null from none."""
    one, other = ({key: fields[key]} if key in fields else {} for fields in (a, b))
    return files.canonical_json(one) != files.canonical_json(other)


def _node(node: Any, values: Mapping[str, np.ndarray]) -> dict[str, Any]:
    fields = {field.name: getattr(node, field.name) for field in dataclasses.fields(node)}
    arrays = {name: fields.pop(name) for name in list(fields) if isinstance(fields[name], np.ndarray)}
    return {
        "kind": node.kind,
        "fields": {name: plain(value) for name, value in fields.items()},
        "arrays": {name: _describe(value) for name, value in arrays.items()},
        "values": {name: _store(value) for name, value in values.items()},
    }


def plain(value: Any) -> Any:
    """JSON value that says exactly the same."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        value = Fraction(float(value))
    if isinstance(value, Fraction):
        return {"num": value.numerator, "den": value.denominator}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    assert dataclasses.is_dataclass(value) and not isinstance(value, type), type(value)
    return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}


def _describe(array: np.ndarray) -> dict[str, Any]:
    return {"dtype": array.dtype.name, "shape": list(array.shape), "sha256": files.sha256(array.tobytes())}


def _store(array: np.ndarray) -> dict[str, Any]:
    values = np.asarray(array, np.float64).ravel().tolist()
    return {"shape": list(array.shape), "hex": [value.hex() for value in values]}


def _require_schema(fields: Any) -> None:
    schema = fields.get("schema") if isinstance(fields, dict) else None
    found = re.fullmatch(r"lifexport\.provenance/([1-9][0-9]{0,8})", str(schema))
    if found is None:
        raise _damaged(f"its schema is not {SCHEMA}")
    if int(found[1]) > VERSION:
        raise error(
            "LX004",
            found=f"provenance record: schema {schema}; lifexport {__version__} knows {SCHEMA}",
            fix="read it with the lifexport that wrote it, or update lifexport",
        )


def _require_lineage(fields: Mapping[str, Any]) -> None:
    if "quantized_from" in fields:
        _require_form(fields["quantized_from"], str, "quantized_from")
    if "calibrated_on" in fields:
        _require_form(fields["calibrated_on"], {"count": int, "digests": str}, "calibrated_on")
        try:
            Samples.restored(fields["calibrated_on"])
        except LifexportError:
            raise _damaged("calibrated_on is no list of samples") from None


def _require_form(value: Any, form: Any, path: str) -> None:
    if isinstance(form, type):
        if type(value) is not form:
            raise _damaged(f"{path} is {type(value).__name__}, not {form.__name__}")
        return
    _require_form(value, dict, path or "the record")
    for key, inner in form.items():
        place = f"{path}.{key}" if path else key
        if key not in value:
            raise _damaged(f"{place} is missing")
        _require_form(value[key], inner, place)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _damaged(found: str) -> Exception:
    fix = "export the file again, or get an undamaged copy"
    return error("LX003", found=f"provenance record: {found}", fix=fix)
