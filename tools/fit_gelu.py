#!/usr/bin/env python3
"""Make the coefficients of wn_gelu_poly in src/kernel/poly.h.  Needs numpy.

Phi(-t) = 1/2 - t P(v), v = 2 t^2 / LIMIT^2 - 1, for 0 <= t <= LIMIT, and GELU's error is t^2 times that
of P.  Lawson's iteration: weighted least squares on Chebyshev points, the weights moved towards
the places of the largest error until the error is level.
"""
import math
import numpy as np
from numpy.polynomial import chebyshev

LIMIT, DEGREE, ROUNDS = 5.3, 13, 200

t = np.cos(np.pi * (np.arange(4000) + 0.5) / 8000) * LIMIT
t = t[t > 1e-3]
target = (0.5 - 0.5 * np.array([math.erfc(x / math.sqrt(2)) for x in t])) / t
basis = chebyshev.chebvander(2 * t * t / LIMIT**2 - 1, DEGREE)
weight, best = np.ones_like(t), (math.inf, None)
for _ in range(ROUNDS):
    scale = t * t * weight
    found = np.linalg.lstsq(basis * scale[:, None], target * scale, rcond=None)[0]
    error = np.abs((basis @ found - target) * t * t)
    if error.max() < best[0]:
        best = error.max(), found
    weight *= np.sqrt(error / error.max() + 1e-3)
    weight /= weight.max()
print(f"/* largest error of GELU before rounding: {best[0]:.2e} */")
for c in chebyshev.cheb2poly(best[1])[::-1]:
    print(f"{float(np.float32(c)).hex()}f,")
