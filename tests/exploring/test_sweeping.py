"""Sweeps: every configuration once, the same wherever it is run, nothing dropped, nothing done twice."""

from __future__ import annotations

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from float_nets import float_network

import lifexport as lx
from lifexport import schemas
from lifexport.errors import FileError, LifexportError, OutputError
from lifexport.exploring import sweeping as module
from lifexport.exploring import trial

GRID = {"weight_bits": [3, 8, 9], "state_bits": [12, 20]}


@pytest.fixture(scope="module")
def case():
    f, x = float_network(1)
    return f, x, lx.simulate(f, x).prediction.labels


@pytest.fixture(scope="module")
def found(case):
    f, x, labels = case
    return lx.sweep(f, "fpga-q", x, labels=labels, grid=GRID, workers=1)


def test_rows_are_what_one_would_measure_by_hand(case, found):
    f, x, labels = case
    assert [row["choices"] for row in found.rows] == [
        {"weight_bits": w, "state_bits": s} for w in GRID["weight_bits"] for s in GRID["state_bits"]
    ]
    for row in found.rows[:4]:
        q = lx.quantize(f, "fpga-q", calibration=x, **row["choices"])
        predicted = lx.simulate(q, x).prediction.labels
        assert row["right"] == (predicted == labels).sum() == row["same"]
        assert row["network"] == q.digest() and row["unsafe"] == (not lx.certify(q).safe)
        assert row["memory_bits"] == lx.cost(q, x).memory_bits
        assert row["headroom_bits"] == min(p.headroom_bits for p in lx.certify(q).populations.values())
    for row in found.rows[4:]:
        assert row["refused"]["code"] == "LX202" and "9" in row["refused"]["found"]
    assert schemas.violations("sweep", json.loads(json.dumps(found.to_json())), code="LX003") == []


def test_the_same_from_threads_processes_and_alone(case, found):
    f, x, labels = case
    with ThreadPoolExecutor(3) as pool:
        assert lx.sweep(f, "fpga-q", x, labels=labels, grid=GRID, executor=pool) == found
    assert lx.sweep(f, "fpga-q", x, labels=labels, grid=GRID, workers=2) == found


def test_the_same_from_dask(case, found):
    distributed = pytest.importorskip("distributed", reason="another package is not installed: distributed")
    f, x, labels = case
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client, client.get_executor() as pool:
        assert lx.sweep(f, "fpga-q", x, labels=labels, grid=GRID, executor=pool) == found


def test_nothing_is_done_twice(case, found, tmp_path, monkeypatch):
    f, x, labels = case
    path, tried = tmp_path / "rows.jsonl", []

    def counted(task, choices):
        tried.append(choices)
        if len(tried) == 3:
            raise KeyboardInterrupt
        return trial.attempt(task, choices)

    monkeypatch.setattr(module, "attempt", counted)
    given = {"labels": labels, "grid": GRID, "workers": 1, "resume": path}
    with pytest.raises(KeyboardInterrupt):
        lx.sweep(f, "fpga-q", x, **given)
    path.write_text(path.read_text() + '{"key": "half a li')
    assert lx.sweep(f, "fpga-q", x, **given) == found
    assert len(tried) == 3 + 4  # two were kept; the third was interrupted
    assert lx.sweep(f, "fpga-q", x, **given) == found and len(tried) == 7
    assert lx.sweep(f, "fpga-q", x[:, ::-1], **given) != found and len(tried) == 13  # other inputs are other rows


def test_calibration_decides_the_integers_and_is_part_of_what_a_row_is_of(case, tmp_path):
    f, x, labels = case
    given = {"labels": labels, "grid": {"weight_bits": [4]}, "workers": 1, "resume": tmp_path / "rows.jsonl"}
    for calibration in (None, 2 * x):
        (row,) = lx.sweep(f, "fpga-q", x, calibration=calibration, **given).rows
        q = lx.quantize(f, "fpga-q", calibration=x if calibration is None else calibration, weight_bits=4)
        assert row["network"] == q.digest()
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == 2


def test_progress_is_told(case):
    f, x, _ = case
    told = []
    lx.sweep(f, "fpga-q", x, grid={"weight_bits": [3, 4]}, workers=1, progress=lambda *args: told.append(args))
    assert [(done, total) for _, done, total, _ in told] == [(0, 2), (1, 2), (2, 2)] and "weight_bits 4" in told[-1][3]


def test_without_labels_it_is_agreement(case):
    f, x, _ = case
    found = lx.sweep(f, "fpga-q", x, grid={"weight_bits": [3]}, workers=1)
    (row,) = found.rows
    assert found.float_right is None and row["right"] is None and row["accuracy"] == row["same"] / row["samples"]
    assert "agreement" in found.table()


def rows(*given):
    return [
        {"right": right, "same": 0, "samples": 100, "memory_bits": bits, "unsafe": unsafe, "choices": {}}
        for right, bits, unsafe in given
    ]


@pytest.mark.parametrize(
    ("given", "best"),
    [
        ([(90, 10, False), (80, 5, False), (85, 12, False)], [True, True, False]),
        ([(90, 10, False), (90, 10, False)], [True, True]),
        ([(90, 10, False), (90, 9, False)], [False, True]),
        ([(95, 8, True), (90, 10, False)], [True, True]),
        ([(90, 10, True), (90, 10, False)], [False, True]),
        ([(90, 10, True), (91, 9, True)], [False, True]),
    ],
)
def test_who_is_beaten(given, best):
    judged = module._judged(rows(*given))
    assert [row["pareto"] for row in judged] == best
    assert [row["accuracy"] for row in judged] == [right / 100 for right, *_ in given]


def test_pareto_against_every_pair():
    rng = np.random.default_rng(0)
    judged = module._judged(rows(*((int(rng.integers(90, 99)), int(rng.integers(5, 20)), False) for _ in range(60))))
    for row in judged:
        beaten = any(
            other["right"] >= row["right"]
            and other["memory_bits"] <= row["memory_bits"]
            and (other["right"], other["memory_bits"]) != (row["right"], row["memory_bits"])
            for other in judged
        )
        assert row["pareto"] == (not beaten)


def test_the_table_and_the_csv_say_the_same(found):
    lines = list(csv.DictReader(io.StringIO(found.to_csv())))
    for row, line in zip(found.rows, lines, strict=True):
        assert int(line["weight_bits"]) == row["choices"]["weight_bits"]
        if "refused" in row:
            assert line["refused"] == "LX202" and line["accuracy"] == ""
        else:
            assert float(line["accuracy"]) == row["accuracy"] and int(line["memory_bits"]) == row["memory_bits"]
    table = found.table()
    assert table.count("refused: LX202") == 2 and all(f"{row['memory_bits']}" in table for row in found.rows[:4])
    assert [row["memory_bits"] for row in found.pareto()] == sorted(row["memory_bits"] for row in found.pareto())


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({}, "nothing to vary"),
        ({"wieght_bits": [3]}, "did you mean 'weight_bits'"),
        ({"weight_bits": []}, "list of values"),
        ({"weight_bits": 3}, "list of values"),
        ({"method": "mse"}, "list of values"),
        ({"layers": [{}]}, "LX006"),
    ],
)
def test_grids_that_are_none(case, grid, said):
    f, x, _ = case
    with pytest.raises(LifexportError, match=said):
        lx.sweep(f, "fpga-q", x, grid=grid)


def test_bad_files_and_inputs(case, tmp_path):
    f, x, labels = case
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    with pytest.raises(FileError, match="LX003"):
        lx.sweep(f, "fpga-q", x, grid={"weight_bits": [3]}, resume=tmp_path / "bad", workers=1)
    with pytest.raises(OutputError, match="LX002"):
        lx.sweep(f, "fpga-q", x, grid={"weight_bits": [3]}, resume=tmp_path / "none" / "rows", workers=1)
    with pytest.raises(LifexportError, match="LX205"):
        lx.sweep(f, "fpga-q", x, labels=labels[:-1], grid={"weight_bits": [3]})
    with pytest.raises(LifexportError, match="LX205"):
        lx.sweep(f, "fpga-q", x * np.nan, grid={"weight_bits": [3]})
    with pytest.raises(LifexportError, match="LX006"):
        lx.sweep(lx.quantize(f, "fpga-q", calibration=x), "fpga-q", x, grid={"weight_bits": [3]})
