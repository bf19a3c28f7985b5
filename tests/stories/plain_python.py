"""A network of ``fpga-q`` in plain Python, written from ``docs/arithmetic.md`` alone: no numpy, no lifexport.

A network is a dictionary of integers and lists, as JSON holds it: ``nodes``, in the order of evaluation, and ``edges``.
"""


def rounded(p, k, how):
    q, r, one = p // 2**k, p % 2**k, 2**k
    if how == "toward_zero":
        return q if p >= 0 else -(-p // one)
    if how == "half_up":
        return (p + one // 2) // one
    return q + (how == "half_even" and (2 * r > one or (2 * r == one and q % 2 == 1)))


def fit(x, bits, overflow):
    lo, hi = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return (x - lo) % 2**bits + lo if overflow == "wrap" else max(lo, min(hi, x))


def step(n, j, state, arriving):
    """One step of neuron ``j`` of population ``n``: its spike; ``state`` is what it keeps."""
    v, threshold = state["v"], n["threshold"][j]
    if n["spikes"] and v >= threshold:
        v = v - n["reset_code"][j] if n["reset"] == "subtract" else n["reset_code"][j]
    u = rounded(v * n["decay"][j], n["decay_bits"], n["rounding"])
    if "current_decay" in n:
        kept = rounded(state["i"] * n["current_decay"][j], n["current_decay_bits"], "floor")
        arriving = state["i"] = fit(kept + arriving, n["current_bits"], "saturate")
    u = fit(u + arriving + n["bias"][j], n["state_bits"], n["overflow"])
    if state["w"] > 0:
        u = 0
    spike = int(n["spikes"] and u >= threshold)
    state["v"], state["w"] = u, max(0, (n["refractory"][j] if spike else state["w"]) - 1)
    return spike


def dense(n, x):
    return [sum(map(int.__mul__, row, x)) // 2 ** n["drop"] * 2 ** n["shift"] for row in n["weight"]]


def run(network, codes):
    """Membranes and spikes of every population: ``[time][neuron]``."""
    nodes, late = network["nodes"], {}
    for source, target, delay in network["edges"]:
        if delay:
            size = len(nodes[source].get("weight") or nodes[source].get("decay") or codes[0])
            late[source, target] = [[0] * size for _ in range(delay)]
    states = {
        name: [{"v": v, "i": i, "w": 0} for v, i in zip(n["v_initial"], n["current_initial"], strict=True)]
        for name, n in nodes.items() if n["kind"] == "neurons"
    }  # fmt: skip
    trace = {name: {"v": [], "spikes": []} for name in states}
    for now in codes:
        value = {}
        for name, n in nodes.items():
            heard = [late[s, t][0] if d else value[s] for s, t, d in network["edges"] if t == name]
            if n["kind"] == "neurons":
                sums = [sum(column) for column in zip(*heard, strict=True)]
                value[name] = [step(n, j, states[name][j], total) for j, total in enumerate(sums)]
                trace[name]["v"].append([state["v"] for state in states[name]])
                trace[name]["spikes"].append(value[name])
            else:
                value[name] = now if n["kind"] == "input" else dense(n, heard[0]) if "weight" in n else heard[0]
        for (source, _), queue in late.items():
            queue.append(value[source])
            queue.pop(0)
    return trace
