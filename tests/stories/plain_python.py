"""``network.json`` of a bundle for ``fpga-q`` run in plain Python, written from ``docs/arithmetic.md`` alone.

No numpy, no lifexport; dense layers, loops, synapses and refractory times.
"""

from base64 import b64decode


def numbers(entry):
    """Array of a document as a flat list."""
    raw, size = b64decode(entry["base64"]), int(entry["dtype"].removeprefix("int")) // 8
    return [int.from_bytes(raw[i : i + size], "little", signed=True) for i in range(0, len(raw), size)]


def rounded(p, k, how):
    q, r, one = p // 2**k, p % 2**k, 2**k
    if how == "toward_zero":
        return q if p >= 0 else -(-p // one)
    if how == "half_up":
        return (p + one // 2) // one
    return q + (how == "half_even" and (2 * r > one or (2 * r == one and q % 2 == 1)))


def fit(x, word):
    lo, hi = word["lo"], word["hi"]
    return (x - lo) % (hi - lo + 1) + lo if word["overflow"] == "wrap" else max(lo, min(hi, x))


class Neuron:
    def __init__(self, node, j):
        self.rules, self.waiting = node["rules"], 0
        for name in ("decay", "threshold", "reset_code", "bias", "refractory"):
            setattr(self, name, numbers(node[name])[j])
        self.v = numbers(node["v_initial"])[j]
        if self.rules["current"]:
            self.current, self.current_decay = (numbers(node[f"current_{f}"])[j] for f in ("initial", "decay"))

    def step(self, arriving):
        rules, v = self.rules, self.v
        if rules["max_spikes"] and v >= self.threshold:
            v = v - self.reset_code if rules["reset"] == "subtract" else self.reset_code
        u = rounded(v * self.decay, rules["leak"]["bits"], rules["leak"]["rounding"])
        if rule := rules["current"]:
            kept = rounded(self.current * self.current_decay, rule["leak"]["bits"], "floor")
            arriving = self.current = fit(kept + arriving, rule["word"])
        self.v = 0 if self.waiting > 0 else fit(u + arriving + self.bias, rules["membrane"])
        spike = int(rules["max_spikes"] and self.v >= self.threshold)
        self.waiting = max(0, (self.refractory if spike else self.waiting) - 1)
        return spike


def dense(node, weight, x):
    rows = range(0, len(weight), len(x))
    return [sum(weight[o + i] * x[i] for i in range(len(x))) // 2 ** node["drop"] * 2 ** node["shift"] for o in rows]


def run(network, codes):
    """Membranes and spikes of every population, and output spikes, ``[time][neuron]``, for ``codes[time][input]``."""
    nodes = {node["name"]: node for node in network["nodes"]}
    neurons = {m: [Neuron(n, j) for j in range(n["shape"][0])] for m, n in nodes.items() if n["kind"] == "LIF"}
    weights = {m: numbers(n["weight"]) for m, n in nodes.items() if n["kind"] == "Dense"}
    size = {m: (n.get("shape") or n["weight"]["shape"])[0] for m, n in nodes.items()}
    edges = [(e["source"], e["target"], [[0] * size[e["source"]]] * e["delay"]) for e in network["edges"]]
    trace = {name: {"v": [], "spikes": []} for name in neurons}
    output, last = [], next(name for name, node in nodes.items() if node["kind"] == "Output")
    for now in codes:
        value = {}
        for name, node in nodes.items():
            heard = [queue[0] if queue else value[source] for source, target, queue in edges if target == name]
            if name in neurons:
                sums = map(sum, zip(*heard, strict=True))
                value[name] = [neuron.step(total) for neuron, total in zip(neurons[name], sums, strict=True)]
                trace[name]["v"].append([neuron.v for neuron in neurons[name]])
                trace[name]["spikes"].append(value[name])
            elif name in weights:
                value[name] = dense(node, weights[name], *heard)
            else:
                value[name] = now if node["kind"] == "Input" else heard[0]
        output.append(value[last])
        for source, _, queue in edges:
            if queue:
                queue.append(value[source])
                queue.pop(0)
    return trace, output
