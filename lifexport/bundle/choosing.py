"""Target and choices of a bundle held against its network: its words and rules must be the ones they give."""

from __future__ import annotations

from collections.abc import Iterator

from ..arrays import difference
from ..errors import LifexportError
from ..findings import Finding
from ..network import FloatNetwork, IntNetwork
from ..nodes import IntWeights
from ..quantization.populations import population_rules
from ..quantspec import QuantSpec, resolve
from ..targets import Target
from .consistency import contradiction
from .saving import SPEC, TARGET


def check_target(target: Target, q: IntNetwork) -> Iterator[Finding]:
    """A description that is not the one of the network's digest, or has another name (LX608)."""
    if target.digest != q.target_digest:
        yield contradiction(TARGET, f"digest {target.digest}, the network is for {q.target_digest}", field="digest")
    elif target.name != q.target:
        yield contradiction(TARGET, f"{target.name!r}, the network is for {q.target!r}", field="name")


def check_spec(spec: QuantSpec, target: Target, q: IntNetwork, f: FloatNetwork) -> Iterator[Finding]:
    """Choices that give other words or rules than the network has (LX608).

    How scales were chosen (range, method, grid) cannot be told from what came of it without the calibration data.
    """
    try:
        spec.require_layers(f.populations)
        whole = resolve(spec, target)
        chosen = {name: resolve(spec.of_layer(name), target) if spec.layers else whole for name in f.populations}
    except LifexportError as refused:
        yield contradiction(SPEC, f"choices that the target refuses ({refused.findings[0]})")
        return
    code = q.input_code
    if (whole.input is not None and whole.input != code) or (code.kind != "spikes" and code.bits > whole.input_bits):
        yield contradiction(SPEC, f"another input code than {code.kind} of {code.bits} bits", field="input")
    for name, node in f.populations.items():
        rules = population_rules(node, chosen[name], target, output=name == f.readout_name)
        if (found := difference(q.nodes[name].rules, rules, "rules")) is not None:
            yield contradiction(SPEC, f"{found} by these choices", field=name)
        for edge in q.incoming(name):
            for way in q.way(edge):
                weights = q.nodes[way]
                if isinstance(weights, IntWeights) and weights.weight_bits != chosen[name].weight_bits:
                    found = f"{chosen[name].weight_bits} bits, the network has {weights.weight_bits}"
                    yield contradiction(SPEC, found, field=f"{way}.weight_bits")
