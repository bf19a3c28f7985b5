"""What feeds a population, by hand: gains, pools on either side of the weights, biases through pools."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from lifexport.graph import Edge
from lifexport.network import FloatNetwork
from lifexport.neurons import FloatCubaLIF, FloatLIF
from lifexport.nodes import FloatDense, Input, InputCode, Output
from lifexport.quantization.feeding import feeding
from lifexport.spatial import Flatten, FloatAvgPool, FloatConv

SPIKES = InputCode(kind="spikes")
LIF = FloatLIF(shape=(1,), dt=1e-3, tau=10e-3, r=2.0, v_threshold=1.0, v_reset=0.0)


def chain(**nodes) -> FloatNetwork:
    return FloatNetwork(nodes=nodes, edges=[Edge(a, b) for a, b in pairwise(nodes)], dt=1e-3)


def test_a_pool_behind_the_weights_divides_them_and_not_the_bias():
    conv = FloatConv(weight=np.full((1, 1, 1, 1), 3.0), bias=[5.0], size=(2, 2))
    pool, flat = FloatAvgPool(shape=(1, 2, 2), kernel=2), Flatten(shape=(1, 1, 1))
    net = chain(**{"in": Input(shape=(1, 2, 2))}, c=conv, p=pool, f=flat, lif=LIF, out=Output(shape=(1,)))
    (found,) = feeding(net, "lif", SPIKES)
    np.testing.assert_allclose(found.weight.ravel(), 3 * LIF.gain / 4, rtol=1e-15)
    np.testing.assert_allclose(found.bias, 5 * LIF.gain, rtol=1e-15)
    np.testing.assert_allclose(found.bias_factor, LIF.gain, rtol=1e-15)
    assert found.name == "c" and found.factor == LIF.gain / 4


def test_a_pool_before_the_weights_divides_them_too():
    pool, flat = FloatAvgPool(shape=(1, 2, 2), kernel=2), Flatten(shape=(1, 1, 1))
    dense = FloatDense(weight=[[3.0]], bias=[5.0])
    net = chain(**{"in": Input(shape=(1, 2, 2))}, p=pool, f=flat, d=dense, lif=LIF, out=Output(shape=(1,)))
    (found,) = feeding(net, "lif", SPIKES)
    np.testing.assert_allclose([found.weight.item(), found.bias.item()], [3 * LIF.gain[0] / 4, 5 * LIF.gain[0]])


def test_the_weight_of_a_synapse_is_part_of_the_gain():
    cuba = FloatCubaLIF(shape=(1,), dt=1e-3, tau=10e-3, tau_syn=5e-3, r=2.0, v_threshold=1.0, v_reset=0.0, w_in=0.25)
    net = chain(**{"in": Input(shape=(1,))}, d=FloatDense(weight=[[3.0]]), lif=cuba, out=Output(shape=(1,)))
    (found,) = feeding(net, "lif", SPIKES)
    np.testing.assert_allclose(found.weight, 3 * cuba.gain[0] * 0.25, rtol=1e-15)
