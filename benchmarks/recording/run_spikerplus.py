"""spikerplus 2.0.3 (tabulate, torch, snntorch) writes the VHDL of a row of layers; GHDL runs it, samples in one run.

Entities are named by size: layers of equal size would share one file, and with it thresholds and weights.
"""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from common import Job, run
from spikerplus.vhdl.layer import Layer
from spikerplus.vhdl.network import Network

BENCH = """
library ieee; use ieee.std_logic_1164.all; use std.textio.all;
entity tb is end entity;
architecture sim of tb is
  signal clk, rst_n, start, ready, sample, mark : std_logic := '0';
  signal in_spikes : std_logic_vector({n_in} - 1 downto 0) := (others => '0');
  signal out_spikes : std_logic_vector({n_out} - 1 downto 0);
  signal done : boolean := false;
begin
  dut : entity work.network port map(clk => clk, rst_n => rst_n, start => start, sample_ready => '1',
      ready => ready, sample => sample, in_spikes => in_spikes, out_spikes => out_spikes);
  clk <= not clk after 5 ns when not done;
  stimulus : process
    file codes : text open read_mode is "spikes.txt";
    variable row : line; variable bit : character; variable k : integer;
  begin
    wait for 22 ns; rst_n <= '1';
    for s in 1 to {samples} loop
      wait until rising_edge(clk) and ready = '1'; start <= '1';
      wait until rising_edge(clk); start <= '0';
      k := 0;
      while k < {steps} + 1 loop
        wait until rising_edge(clk);
        if sample = '1' then
          mark <= not mark; readline(codes, row);
          for b in 0 to {n_in} - 1 loop
            read(row, bit);
            if bit = '1' then in_spikes(b) <= '1'; else in_spikes(b) <= '0'; end if;
          end loop;
          k := k + 1;
        end if;
      end loop;
    end loop;
    wait for 30 ns; done <= true; wait;
  end process;
end architecture;
"""


def layer(job: Job, name: str) -> Layer:
    node, ways = job.nodes[name], job.ways()
    (forward,) = (job.nodes[w] for s, w, t, _ in ways if t == name and s != name)
    back = [job.nodes[w]["weight"] for s, w, t, _ in ways if s == t == name]
    n = node["threshold"].size
    lateral = back[0] if back else np.zeros((n, n))
    (shift,) = np.unique(node["decay"])
    return Layer(
        label=f"_{name}",
        w_exc=forward["weight"].astype(float),
        w_inh=lateral.astype(float),
        v_th=node["threshold"].astype(float),
        v_reset=node["reset_code"].astype(float),
        bitwidth=int(node["hi"]).bit_length() + 1,
        fp_decimals=0,
        w_inh_bw=forward["bits"],
        w_exc_bw=forward["bits"],
        shift=int(shift),
        reset={"value": "fixed", "subtract": "subtractive"}[node["reset"]],
        functional=True,
    )


def simulated(job: Job, order: list[str], folder: Path) -> Path:
    """Waveform of a run."""
    steps, samples, n_in = job.codes.shape
    with contextlib.redirect_stdout(io.StringIO()):
        network = Network(steps + 1)
        for name in order:
            network.add(layer(job, name))
        network.write_file_all(output_dir=str(folder / "rtl"), rm=True)
    n_out = job.nodes[order[-1]]["threshold"].size
    (folder / "tb.vhd").write_text(BENCH.format(n_in=n_in, n_out=n_out, steps=steps, samples=samples))
    rows = ["".join(map(str, row)) for k in range(samples) for row in [*job.codes[:, k], [0] * n_in]]
    (folder / "spikes.txt").write_text("\n".join(rows) + "\n")
    files = sorted(str(path.relative_to(folder)) for path in (folder / "rtl").glob("*.vhd"))
    options = ("--stop-time=1000ms", "--ieee-asserts=disable", "--vcd=o.vcd")
    for command in (("-i", "--std=08", *files, "tb.vhd"), ("-m", "--std=08", "tb"), ("-r", "--std=08", "tb", *options)):
        subprocess.run(["ghdl", *command], cwd=folder, check=True, capture_output=True)
    return folder / "o.vcd"


def rows_of(waveform: Path, wanted: list[str]) -> list[dict[str, str]]:
    """Values of signals just before each step's input is given: after the step before."""
    scope, codes = [], {}
    with waveform.open() as file:
        for line in file:
            words = line.split()
            if words[:1] == ["$scope"]:
                scope.append(words[2])
            elif words[:1] == ["$upscope"]:
                scope.pop()
            elif words[:1] == ["$var"]:
                codes.setdefault("/".join([*scope, words[4].split("[")[0]]), words[3])
            elif words[:1] == ["$enddefinitions"]:
                break
        names = {codes[name]: name for name in codes if any(re.fullmatch(want, name) for want in wanted)}
        values: dict[str, str] = {}
        before: dict[str, str] = {}
        rows = []
        for line in file:
            if line[0] == "#":
                before = dict(values)
                continue
            value, _, code = line[1:].strip().partition(" ") if line[0] == "b" else (line[0], "", line[1:].strip())
            name = names.get(code)
            if name == "tb/mark" and values.get(name, value) != value:
                rows.append(before)
            if name:
                values[name] = value
    return rows


def number(bits: str) -> int:
    value = int(bits, 2)
    return value - (1 << len(bits)) if bits[0] == "1" and len(bits) > 1 else value


def recording(job: Job) -> dict[str, np.ndarray]:
    steps, samples, _ = job.codes.shape
    order = job.chain()
    sizes = [(job.nodes[name]["threshold"].size, i) for i, name in enumerate(order)]
    assert len({n for n, _ in sizes}) == len(order), "layers of equal size would share a file"
    wanted = [r"tb/mark", r"tb/dut/layer_\d+_feedback", r"tb/dut/layer_\d+/neuron_[0-9a-f]+/datapath/v"]
    with tempfile.TemporaryDirectory() as folder:
        rows = rows_of(simulated(job, order, Path(folder)), wanted)
    rows = [rows[k * (steps + 1) + 1 : (k + 1) * (steps + 1)] for k in range(samples)]
    found = {}
    for i, name in enumerate(order):
        membranes = {int(key.split("neuron_")[1].split("/")[0], 16): key for key in rows[0][0] if f"/layer_{i}/" in key}
        n = job.nodes[name]["threshold"].size
        assert sorted(membranes) == list(range(n))
        v = [[[number(row[membranes[j]]) for j in range(n)] for row in sample] for sample in rows]
        s = [[list(map(int, row[f"tb/dut/layer_{i}_feedback"].zfill(n)[::-1])) for row in sample] for sample in rows]
        found |= {f"{name}.v": np.array(v).transpose(1, 0, 2), f"{name}.spikes": np.array(s).transpose(1, 0, 2)}
    return found


if __name__ == "__main__":
    run(recording)
