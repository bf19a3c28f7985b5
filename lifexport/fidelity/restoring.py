"""A fidelity report from its JSON: counts as they are stated, everything that follows from them computed anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..samples import Shared
from .report import (
    BiasFidelity,
    Cause,
    CauseLayer,
    DecayFidelity,
    Divergence,
    FidelityReport,
    LayerFidelity,
    PredictionChange,
    ThresholdFidelity,
    WeightFidelity,
    WordFidelity,
)
from .statistics import PairedChange, Proportion
from .verdict import Thresholds


def is_older(document: Mapping[str, Any]) -> bool:
    """Whether a document is of version 0.1.0, which did not say what is evidence."""
    return "outcome" not in document


def from_json(document: Mapping[str, Any]) -> FidelityReport:
    """Report of a document that conforms to its schema, without verdict and findings: both follow from the rest.

    Rates and intervals are those of the stated counts, whatever the document says. What an older document does not
    state stands as if there were nothing to say about it: one class, no input but zeros, no calibration.
    """
    given, networks, target, said = (document[key] for key in ("input", "networks", "target", "predictions"))
    accuracy = document["accuracy"]
    return FidelityReport(
        target=target["name"],
        target_digest=target["digest"],
        not_verified=tuple(target["not_verified"]),
        approximations=tuple(target["approximations"]),
        semantics=tuple(networks["semantics"]),
        float_digest=networks["float"],
        integer_digest=networks["integer"],
        parent=networks.get("quantized_from"),
        input_digest=given["digest"],
        labels_digest=given.get("labels_digest"),
        calibrated=None if given.get("calibrated") is None else Shared(**given["calibrated"]),
        dt=given["dt_s"],
        readout=document["readout"],
        steps=given["steps"],
        samples=given["samples"],
        distinct=given.get("distinct", given["samples"]),
        input_kind=given["kind"],
        input_bits=given["bits"],
        input_clipped=given["clipped"],
        input_zeroed=given["zeroed"],
        input_nonzero=given.get("nonzero", given["zeroed"]),
        input_sqnr_db=given["sqnr_db"],
        predictions=_proportion(said["agree"]),
        classes_float=said.get("classes_float", 1),
        classes_integer=said.get("classes_integer", 1),
        ties_float=said["ties_float"],
        ties_integer=said["ties_integer"],
        accuracy_float=None if accuracy is None else _proportion(accuracy["float"]),
        accuracy_integer=None if accuracy is None else _proportion(accuracy["integer"]),
        accuracy_change=None if accuracy is None else _change(accuracy["change"], given["samples"]),
        changes=tuple(PredictionChange(**row) for row in document["changes"]),
        first_divergence=_divergence(document["first_divergence"]),
        causes=tuple(_cause(row) for row in document["causes"]),
        causes_missing=document["causes_missing"],
        layers=tuple(_layer(row) for row in document["layers"]),
        weights=tuple(WeightFidelity(**row) for row in document["weights"]),
        verdict=None,
        findings=(),
    )


def thresholds_of(document: Mapping[str, Any]) -> Thresholds | None:
    """What was asked, read from the verdict; None if nothing was."""
    if document["verdict"] is None:
        return None
    certain = any(row.get("bound") is not None for row in document["verdict"])
    whole = {"silent_layers"}
    asked = {row["name"]: row["asked"] for row in document["verdict"]}
    return Thresholds(certain=certain, **{name: int(v) if name in whole else v for name, v in asked.items()})


def _proportion(row: Mapping[str, Any]) -> Proportion:
    return Proportion(count=row["count"], total=row["total"])


def _change(row: Mapping[str, Any], total: int) -> PairedChange:
    return PairedChange(gained=row["gained"], lost=row["lost"], total=total)


def _divergence(row: Mapping[str, Any] | None) -> Divergence | None:
    return None if row is None else Divergence(**{**row, "index": tuple(row["index"])})


def _cause(row: Mapping[str, Any]) -> Cause:
    return Cause(
        cause=row["cause"],
        predictions=_proportion(row["predictions"]),
        accuracy=None if row["accuracy"] is None else _proportion(row["accuracy"]),
        layers=tuple(CauseLayer(**layer) for layer in row["layers"]),
    )


def _layer(row: Mapping[str, Any]) -> LayerFidelity:
    spikes, membrane, decay = row["spikes"], row["membrane"], row["decay"]
    threshold, bias = (
        None if row[key] is None else {**row[key], "index": tuple(row[key]["index"])} for key in ("threshold", "bias")
    )
    return LayerFidelity(
        node=row["node"],
        neurons=row["neurons"],
        state_bits=row["state_bits"],
        decay=DecayFidelity(
            bits=decay["bits"],
            index=tuple(decay["index"]),
            trained=decay["trained"],
            realised=decay["realised"],
            tau_trained=decay["tau_trained_s"],
            tau_realised=decay["tau_realised_s"],
        ),
        threshold=None if threshold is None else ThresholdFidelity(**threshold),
        bias=None if bias is None else BiasFidelity(**bias),
        spikes_float=spikes["float"],
        spikes_integer=spikes["integer"],
        spikes_coincident=spikes["coincident"],
        spikes_differing=spikes["differing"],
        values=spikes["values"],
        count_error=spikes["count_error"],
        membrane_sqnr_db=membrane["sqnr_db"],
        membrane_sqnr_local_db=membrane["sqnr_local_db"],
        van_rossum=spikes["van_rossum"],
        words=_words(row),
        silent_float=row["neurons_silent_float"],
        silent_integer=row["neurons_silent_integer"],
        always_firing=row["neurons_always_firing"],
    )


def _words(row: Mapping[str, Any]) -> tuple[WordFidelity, ...]:
    """Words of a layer; an older document has one count for all of them, as if it were the membrane's."""
    if "words" not in row:
        values, count = row["spikes"]["values"], row["membrane"]["overflows"]
        return (WordFidelity(word="membrane", rule="saturate", count=count, judged=values, first=None),)
    return tuple(
        WordFidelity(
            word=word["word"],
            rule=word["rule"],
            count=word["overflows"],
            judged=word["judged"],
            first=None if word["first"] is None else tuple(word["first"]),
        )
        for word in row["words"]
    )
