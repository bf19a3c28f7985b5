"""Every JSON file of a bundle is of its schema, they all speak of the same networks, and what they state can be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import schemas
from ..fidelity.evidence import another_parent
from ..findings import Finding, error, raise_errors
from ..network import IntNetwork
from ..targets import Target
from . import golden
from .choosing import check_spec, check_target
from .consistency import check_cost, check_fidelity, check_network, contradiction
from .opening import Bundle
from .saving import CERTIFICATE, COST, FIDELITY, NETWORK, NIR, ONNX, SPEC, TARGET


def check_documents(bundle: Bundle) -> str:
    """Hold all documents against schemas, digests, each other and the networks (LX003, LX403, LX511, LX608)."""
    names = [name for name in bundle.files if name.endswith(".json") and "/" not in name]
    for name in names:
        document = bundle.document(name)
        raise_errors(schemas.violations(document["schema"].split(".")[-1].split("/")[0], document, code="LX003"))
    digests, q = bundle.manifest["network"], bundle.network
    agree(NETWORK, "digest", q.digest(), digests["integer"])
    agree(NETWORK, "target_digest", q.target_digest, bundle.manifest["target"]["digest"])
    agree(NETWORK, "origin", bundle.document(NETWORK).get("origin"), bundle.manifest.get("origin"))
    agree(golden.INDEX, "network", bundle.document(golden.INDEX)["network"], digests["integer"])
    if (fidelity := bundle.fidelity) is not None:
        agree(FIDELITY, "networks.integer", fidelity["networks"]["integer"], digests["integer"])
        agree(FIDELITY, "networks.float", fidelity["networks"]["float"], digests["trained"])
    raise_errors(_statements(bundle, q))
    return f"{len(names)} documents of their schemas, all of network {q.digest()[:12]}, target {q.target}"


def agree(file: str, field: str, found: Any, expected: Any) -> None:
    """Refuse (LX403) a digest that is not the manifest's."""
    if found != expected:
        fix = "write the bundle again: its files are of different networks"
        raise error("LX403", node=file, field=field, found=f"{found}, the manifest says {expected}", fix=fix)


def _statements(bundle: Bundle, q: IntNetwork) -> Iterator[Finding]:
    f = bundle.trained
    trained = bundle.manifest["network"]["trained"]
    if trained is not None and (other := another_parent(q.trained, trained)) is not None:
        yield other
    yield from check_network(bundle.manifest, q)
    index = bundle.document(golden.INDEX)
    codes = bundle.golden.codes
    facts = {"steps": len(codes), "samples": codes.shape[1], "latency": q.latency, "target": q.target}
    for name, fact in facts.items():
        if index[name] != fact:
            yield contradiction(golden.INDEX, f"{index[name]}, not {fact}", field=name)
    target = None if bundle.target is None else Target(bundle.target)
    if target is not None:
        yield from check_target(target, q)
        if target.digest == q.target_digest and bundle.spec is not None and f is not None:
            yield from check_spec(bundle.spec, target, q, f)
    if bundle.fidelity is not None:
        yield from check_fidelity(bundle.fidelity, q, f, target)
        yield from _measured_on(bundle)
    if (costs := bundle.document(COST)) is not None:
        yield from check_cost(costs, q, bundle.fidelity, target)


def _measured_on(bundle: Bundle) -> Iterator[Finding]:
    """The manifest says on what the figures were measured as the report does."""
    stated, given = bundle.manifest.get("figures"), (bundle.fidelity or {})["input"]
    if stated is not None:
        shared = given.get("calibrated")
        facts = {"inputs": given["digest"], "samples": given["samples"], "labels": given.get("labels_digest")}
        facts["calibrated"] = None if shared is None else shared["found"]
        for name, fact in facts.items():
            if stated[name] != fact:
                yield contradiction("manifest.json", f"{stated[name]}, {FIDELITY} says {fact}", field=f"figures.{name}")


def not_shown(bundle: Bundle) -> list[str]:
    """What a bundle states about its making, and what it lacks, in words."""
    q, found = bundle.network, []
    if bundle.manifest["network"]["trained"] is not None and q.trained is None:
        found.append("that it was quantized from the trained network: stated")
    if bundle.fidelity is not None and q.calibration is None and q.trained is None:
        found.append("whether calibration used the samples of the figures: not stated")
    if bundle.fidelity is not None and q.calibration is not None:
        found.append(f"calibration on {q.calibration.count} samples: stated")
    if bundle.spec is not None:
        found.append(f"{SPEC}: its words and rules hold, how scales were chosen is stated")
    if bundle.target is None:
        found.append(f"no {TARGET}: that the rules are those of target {q.target!r} is stated")
    left_out = {row["path"] for row in bundle.manifest["left_out"]}
    found += [f"no {name}" for name in (ONNX, NIR, CERTIFICATE) if name not in {*bundle.files, *left_out}]
    return found
