"""Integer networks in NIR files: what the record keeps of them, and how they come back, code by code.

Weights are in the graph, times a factor for every row that the record states; everything else is in the record. The
digests of its arrays prove that what comes back is what was written.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..findings import Finding, at_node, collect
from ..graph import Edge
from ..network import IntNetwork
from ..neurons import IntLIF
from ..nodes import IntDense, IntInput, IntWeights, Output
from ..origin import origin_of
from ..spatial import Flatten, IntConv, SumPool
from . import nir_conv, provenance
from .nir_raw import Raw
from .nir_survey import unreadable
from .restoring import hints, scalar

KINDS: dict[str, Any] = {cls.kind: cls for cls in (IntInput, Output, IntDense, IntConv, SumPool, Flatten, IntLIF)}
INTEGERS = (np.int8, np.int16, np.int32)


def kept(q: IntNetwork, nodes: Mapping[str, Raw], names: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arrays that the record keeps in full, by node, and where the graph has the others: node and factor of each row.

    Parameters
    ----------
    q : IntNetwork
    nodes : mapping from name to Raw
        The graph, flat.
    names : mapping from node of ``q`` to node of the graph
    """
    values: dict[str, Any] = {}
    weights: dict[str, Any] = {}
    for name, node in q.nodes.items():
        arrays = {f: v for f in hints(type(node)) if isinstance(v := getattr(node, f), np.ndarray)}
        if isinstance(node, IntWeights):
            raw = nodes.get(names.get(name, ""))
            factors = None if raw is None else _factors(raw.fields["weight"], node)
            if factors is not None:
                del arrays["weight"]
                weights[name] = {"node": names[name], "factors": [float(factor).hex() for factor in factors]}
        values[name] = {field: _one(value) for field, value in arrays.items()}
    return values, weights


def _one(value: np.ndarray) -> np.ndarray:
    """A single number where all are equal."""
    return value.ravel()[:1].reshape(()) if value.size and (value == value.flat[0]).all() else value


def _factors(stored: np.ndarray, node: Any) -> np.ndarray | None:
    """What the codes of every row were multiplied by (one number if by the same); None if they cannot be told again."""
    own = _own_layout(stored, node)
    if own is None:
        return None
    if np.array_equal(own, node.weight):
        return np.ones(1)
    rows, codes = own.reshape(len(own), -1).astype(np.float64), node.weight.reshape(len(own), -1)
    largest = np.abs(codes).argmax(1, keepdims=True)
    top = np.take_along_axis(codes, largest, 1)[:, 0]
    factors = np.where(top == 0, 1.0, np.take_along_axis(rows, largest, 1)[:, 0] / np.where(top == 0, 1, top))
    factors = factors[:1] if (factors == factors[0]).all() else factors
    return factors if np.array_equal(_codes(own, factors), node.weight) else None


def _own_layout(stored: np.ndarray, node: Any) -> np.ndarray | None:
    if isinstance(node, IntConv):
        return nir_conv.original(stored, node.groups, node.weight.shape)
    return stored if stored.shape == node.weight.shape else None


def _codes(own: np.ndarray, factors: np.ndarray) -> np.ndarray:
    scale = factors.reshape(-1, *(1,) * (own.ndim - 1))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        codes = np.rint(own.astype(np.float64) / scale)
    return np.where(np.abs(codes) < 2**53, codes, 0).astype(np.int64)


def restored(
    nodes: Mapping[str, Raw], fields: Mapping[str, Any], budget: int, findings: list[Finding]
) -> IntNetwork | None:
    """Integer network of a record and the graph it came with.

    Raises
    ------
    LifexportError
        LX003 for a damaged record, LX403 where it disagrees with the graph, or the rule of a network that is broken.
    """
    claimed = sum(math.prod(a["shape"]) for facts in fields["nodes"].values() for a in facts["arrays"].values())
    if 8 * claimed > budget:
        raise unreadable(f"a record of {claimed} numbers, more than the file can hold")
    built = {}
    for name, facts in fields["nodes"].items():
        with collect(findings), at_node(name):
            built[name] = _node(nodes, name, facts, fields)
    if len(built) < len(fields["nodes"]):
        return None
    whole = {key: fields[key] for key in ("readout", "state_reset", "target", "target_digest")}
    edges = tuple(Edge(*edge) for edge in fields["edges"])
    whole |= {"approximations": tuple(fields["approximations"]), "origin": origin_of(fields)}
    whole |= provenance.made_of(fields)
    return IntNetwork(nodes=built, edges=edges, dt=provenance.exact_dt(fields), **whole)


def _node(nodes: Mapping[str, Raw], name: str, facts: Mapping[str, Any], fields: Mapping[str, Any]) -> Any:
    cls = KINDS.get(facts["kind"])
    if cls is None:
        raise unreadable(f"a node of kind {facts['kind']!r} in the record")
    given: dict[str, Any] = {}
    for field, hint in hints(cls).items():
        if field not in facts["arrays"]:
            if hint is np.ndarray:
                raise unreadable("missing in the provenance record", field=field)
            given[field] = scalar(hint, facts["fields"].get(field), field)
            continue
        entry = facts["arrays"][field]
        if field in facts["values"]:
            value = provenance.decode(facts["values"][field], field, provenance.dtype(entry))
        else:
            value = _weights(nodes, name, given, fields, tuple(entry["shape"]))
        if value.shape not in ((), tuple(entry["shape"])):
            raise unreadable(f"shape {value.shape}, {tuple(entry['shape'])} in the record", field=field)
        given[field] = np.broadcast_to(value, entry["shape"])
    return cls(**given)


def _weights(
    nodes: Mapping[str, Raw], name: str, given: Mapping[str, Any], fields: Mapping[str, Any], shape: tuple[int, ...]
) -> np.ndarray:
    place = fields["weights"].get(name) if isinstance(fields.get("weights"), dict) else None
    try:
        raw, texts = nodes[place["node"]], place["factors"]  # type: ignore[index]
        factors = np.array([float.fromhex(text) for text in texts], np.float64)
        stored = raw.fields["weight"]
        if len(shape) > 2:
            groups = fields["nodes"][name]["fields"].get("groups")
            stored = nir_conv.original(stored, groups, shape)
        if stored is None or stored.shape != shape or len(factors) not in (1, *shape[:1]):
            raise ValueError
        return _codes(stored, factors)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise unreadable("weights that the record does not explain", field="weight") from None


# Integers in the file


def as_integers(weight: np.ndarray) -> np.ndarray:
    """Weights in the smallest integer type that holds them, if they are integers.

    >>> as_integers(np.array([[1.0, -128.0]])).dtype, as_integers(np.array([[0.5]])).dtype
    (dtype('int8'), dtype('float64'))
    """
    if not (np.rint(weight) == weight).all():
        return weight
    low, high = weight.min(initial=0), weight.max(initial=0)
    return next(
        (weight.astype(kind) for kind in INTEGERS if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max), weight
    )
