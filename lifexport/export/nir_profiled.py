"""Files written for one importer: what they hold, how they are read back, and what is told about them.

Such a file holds the network as its importer runs it, which ``from_nir`` gives back: float32 parameters, potentials
from the reset level, the importer's own discretisation. The record names the profile, and the digest of the network it
was made of.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import nir  # noqa: TID251
import numpy as np

from .. import __version__
from ..errors import LifexportError, UnsupportedError
from ..files import canonical_json, sha256
from ..findings import CODES, Finding
from ..network import FloatNetwork, IntNetwork
from . import nir_int_record, nir_nesting, provenance
from .nir_plain import PLAIN
from .nir_profiles import PROFILES, Profile, rewritten
from .nir_profiles.profile import Asked as StepAsked
from .nir_profiles.settings import SETTINGS
from .nir_raw import RawGraph, raw_graph
from .nir_restoring import disagreement
from .nir_running import as_run
from .nir_source import RESETS, Asked
from .nir_sources import SOURCES, source_named
from .nir_survey import unreadable


@dataclass(frozen=True, kw_only=True, eq=False)
class Profiled:
    """A network for one importer.

    Parameters
    ----------
    profile : Profile
    graph : nir.NIRGraph
        With the record.
    network : FloatNetwork
        The graph as the importer runs it.
    names : dict from population as trained to population of ``network``
    nodes : dict from node as trained to node of the graph, flat
    settings : tuple of str
        What must be set on the importer's side.
    facts : dict
        What the record says of the profile.
    """

    profile: Profile
    graph: nir.NIRGraph
    network: FloatNetwork
    names: dict[str, str]
    nodes: dict[str, str]
    settings: tuple[str, ...]
    facts: dict[str, Any]

    @property
    def lag(self) -> int:
        """Steps by which the importer's output is late."""
        return self.network.lateness[self.network.output_name]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What who reads the file with the importer must know."""
        return told(self.network, self.facts)

    def text(self, file: str) -> str:
        """How the file is read, for people."""
        asked = ", ".join(SETTINGS[name].code for name in self.settings if SETTINGS[name].argument)
        usage = self.profile.usage.format(path=repr(file), dt=self.network.dt, settings=f", {asked}" if asked else "")
        lines = [
            f"{file}: written by lifexport {__version__} for {self.profile.importer}",
            "",
            f"Read it with    {usage}",
            *(f"Then set        {SETTINGS[name].code}" for name in self.settings if not SETTINGS[name].argument),
            "",
            f"Rewritten: {self.profile.says}.",
            *(f"{finding.code} {finding.where or 'output'}: {finding.found}" for finding in self.findings),
        ]
        return "\n".join(lines) + "\n"

    def prove(self, trained: FloatNetwork) -> str:
        """Run the graph as the importer does and hold it against what was trained (LX402)."""
        from .nir_profiles.proving import Written, prove  # loads the simulators

        asked = StepAsked(self.network.dt, self.facts["reset"] == "subtract")
        nodes = nir_nesting.flat(raw_graph(self.graph))[0]
        names = self.names
        return prove(
            trained, Written(network=self.network, nodes=nodes, profile=self.profile, asked=asked, names=names)
        )


def told(network: FloatNetwork, record: Mapping[str, Any]) -> tuple[Finding, ...]:
    """What who reads a file with its importer must know: what to set, and what comes late.

    ``network`` is the file as its importer runs it, ``record`` the file's record.
    """
    findings = []
    profile = PROFILES.get(record["profile"])
    if profile is not None and not profile.ran:
        fix = "hold its spikes against lifexport.simulate before trusting them"
        findings.append(Finding(code="LX418", found=profile.importer, fix=fix))
    for name in record["settings"]:
        says, code, _ = SETTINGS[name]
        findings.append(Finding(code="LX416", found=f"{name!r}: {says}", fix=code))
    for name in record.get("bias_neurons", ()):
        found, fix = "one neuron more, the last: it fires in every step", "leave it out where neurons are counted"
        findings.append(Finding(code="LX421", node=name, found=found, fix=fix))
    late = network.lateness
    if lag := late[network.output_name]:
        fix = f"take the output from step {lag} on"
        findings.append(Finding(code="LX417", found=f"the output, by {lag} steps", fix=fix))
    for name, node in network.connections.items():
        bias = getattr(node, "bias", None)
        if late[name] and bias is not None and bias.any():
            found, fix = f"acts {late[name]} steps before the first spikes arrive", "train without biases there"
            findings.append(Finding(code="LX417", node=name, field="bias", found=found, fix=fix))
    return tuple(findings)


def profiled(network: FloatNetwork, name: str) -> Profiled:
    """What is written for an importer.

    Raises
    ------
    UnsupportedError
        LX401 for everything that importer cannot express, and the profiles that can.
    """
    try:
        return _profiled(network, PROFILES[name])
    except UnsupportedError as failure:
        able = ", ".join(other for other in PROFILES if other != name and _can(network, other)) or "none"
        raise CODES["LX401"].error(
            *(
                dataclasses.replace(f, fix=f"{f.fix}; profiles that carry this network: {able}")
                for f in failure.findings
            )
        ) from None


def _can(network: FloatNetwork, name: str) -> bool:
    try:
        rewritten(network, PROFILES[name])
    except LifexportError:
        return False
    return True


def _profiled(network: FloatNetwork, profile: Profile) -> Profiled:
    made = rewritten(network, profile)
    source = source_named(profile.source)
    asked = Asked(profile.only_dt or network.dt, made.reset or source.default or source.resets[0])
    findings: list[Finding] = []
    raw = raw_graph(made.graph)
    again, _ = as_run(raw, source, asked, findings)
    if again is None:
        raise CODES[findings[0].code].error(*findings)
    again = dataclasses.replace(again, readout=network.readout, state_reset=network.state_reset)
    facts = {
        "profile": profile.name,
        "importer": profile.importer,
        "reset": asked.reset,
        "settings": list(made.settings),
        **({"bias_neurons": widened} if (widened := [made.names[name] for name in made.widened]) else {}),
        "trained": {"digest": network.digest(), "names": {name: made.names[name] for name in network.populations}},
    }
    made.graph.metadata[provenance.KEY] = provenance.record(again, **sealed(facts, raw))
    names = {name: made.names[name] for name in network.populations}
    return Profiled(
        profile=profile,
        graph=made.graph,
        network=again,
        names=names,
        nodes=made.names,
        settings=made.settings,
        facts=facts,
    )


FACTS = ("profile", "importer", "reset", "settings", "bias_neurons", "trained", "domain", "weights")
"""Facts of a record that are not the network's."""


def sealed(facts: dict[str, Any], graph: RawGraph) -> dict[str, Any]:
    """Facts of a record, and in ``stored`` the digests that tell whether anything was changed afterwards."""
    return facts | {"stored": _digests(graph, facts)}


def _digests(graph: RawGraph, facts: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Digest (sha256) of every field of every node, by flat names; under no name those of edges and facts."""
    nodes, pairs = nir_nesting.flat(graph)
    digests = {
        name: {field: sha256(_content(value)) for field, value in sorted(raw.fields.items())}
        for name, raw in nodes.items()
    }
    own = {key: facts[key] for key in FACTS if key in facts}
    whole = {"edges": sha256(json.dumps(sorted(pairs)).encode()), "facts": sha256(canonical_json(own).encode())}
    return digests | {"": whole}


def _content(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    array = np.asarray(value)
    return f"{array.dtype.str}{array.shape}".encode() + array.tobytes()


def restored(
    graph: RawGraph, fields: Mapping[str, Any], budget: int, findings: list[Finding]
) -> FloatNetwork | IntNetwork | None:
    """Network of a file with the record of a profile, if nothing was changed: as its importer runs it, or the integers.

    Raises
    ------
    LifexportError
        LX403 where record and graph disagree, LX003 for a damaged record.
    """
    profile, reset, settings = (fields.get(key) for key in ("profile", "reset", "settings"))
    kept: Any = fields.get("stored")
    whole = fields["kind"] == IntNetwork.__name__
    if not isinstance(profile, str) or profile not in ({*PROFILES, PLAIN} if whole else PROFILES):
        raise unreadable(f"a record of profile {profile!r}")
    source = SOURCES[source_of(profile)]
    told_well = isinstance(settings, list) and all(isinstance(name, str) and name in SETTINGS for name in settings)
    if not (told_well and isinstance(kept, dict) and all(isinstance(digests, dict) for digests in kept.values())):
        raise unreadable(f"a record of profile {profile!r} without stored and settings")
    if whole and fields.get("domain") not in ("real", "integer"):
        raise unreadable(f"a record of integers in domain {fields.get('domain')!r}")
    if reset not in (*RESETS, *source.resets):
        raise unreadable(f"a record of profile {profile!r} with reset {reset!r}")
    _require_stored(graph, fields)
    if whole:
        network = nir_int_record.restored(nir_nesting.flat(graph)[0], fields, budget, findings)
    else:
        network = as_importer_runs(graph, fields, findings, budget=budget)
    if network is not None and (places := provenance.changed(fields, network)):
        raise disagreement(places)
    return network


def as_importer_runs(
    graph: RawGraph, fields: Mapping[str, Any], findings: list[Finding], *, budget: int = 1 << 62
) -> FloatNetwork | None:
    """Network of a file as the importer of its profile runs it; the record was checked before."""
    source = SOURCES[source_of(fields["profile"])]
    step = provenance.exact_dt(fields) if source.dt is None else source.dt  # integers keep the time step of training
    network, _ = as_run(graph, source, Asked(step, fields["reset"]), findings, budget=budget)
    if network is None:
        return None
    return dataclasses.replace(network, **{key: fields[key] for key in ("readout", "state_reset")})


def source_of(profile: str) -> str:
    """Source whose rules a file of a profile is run by."""
    return "ode" if profile == PLAIN else PROFILES[profile].source


def _require_stored(graph: RawGraph, fields: Mapping[str, Any]) -> None:
    """Refuse (LX403) arrays, edges and facts that are not those the record was written with."""
    kept, now = fields["stored"], _digests(graph, fields)
    places = [
        (name or None, field)
        for name in sorted({*now, *kept})
        for field in sorted({*now.get(name, {}), *kept.get(name, {})})
        if now.get(name, {}).get(field) != kept.get(name, {}).get(field)
    ]
    if places:
        raise disagreement(places)
