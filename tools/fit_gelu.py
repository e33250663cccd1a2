#!/usr/bin/env python3
"""Make the coefficients of GELU in src/kernel/poly.h and src/kernel/amx/vec_f16.h.  Needs numpy.

Phi(-t) = 1/2 - t P(v), v = 2 t^2 / LIMIT^2 - 1, for 0 <= t <= LIMIT, and GELU's error is t^2 times that
of P.  Lawson's iteration: weighted least squares on Chebyshev points, the weights moved towards
the places of the largest error until the error is level.  A piece of a table is a parabola in t, or a line, that
fits t Phi(-t) around i STEP in the same way.
"""
import math
import numpy as np
from numpy.polynomial import chebyshev

ROUNDS = 200
UNIT = 64  # of a table for numbers kept as multiples of it


def phi(t):
    """Phi(-t)"""
    return 0.5 * np.array([math.erfc(x / math.sqrt(2)) for x in t])


def fit(name, limit, degree):
    t = np.cos(np.pi * (np.arange(4000) + 0.5) / 8000) * limit
    t = t[t > 1e-3]
    target = (0.5 - phi(t)) / t
    basis = chebyshev.chebvander(2 * t * t / limit**2 - 1, degree)
    weight, best = np.ones_like(t), (math.inf, None)
    for _ in range(ROUNDS):
        scale = t * t * weight
        found = np.linalg.lstsq(basis * scale[:, None], target * scale, rcond=None)[0]
        error = np.abs((basis @ found - target) * t * t)
        if error.max() < best[0]:
            best = error.max(), found
        weight *= np.sqrt(error / error.max() + 1e-3)
        weight /= weight.max()
    print(f"/* {name}: largest error of GELU before rounding: {best[0]:.2e} */")
    for c in chebyshev.cheb2poly(best[1])[::-1]:
        print(f"{float(np.float32(c)).hex()}f,")


def fit_pieces(name, limit, n, degree, text, unit=1):
    step, pieces, worst = limit / (n - 0.5), [], 0
    for i in range(n):
        first, last = max(0, (i - 0.5) * step), (i + 0.5) * step
        t = (first + last) / 2 + (last - first) / 2 * np.cos(np.pi * (np.arange(400) + 0.5) / 400)
        lowest = 1 if i == 0 else 0  # 0 stays 0
        basis = np.stack([t**p for p in range(lowest, degree + 1)], 1)
        target, weight = t * phi(t), np.ones_like(t)
        for _ in range(ROUNDS):
            scale = np.sqrt(weight)
            found = np.linalg.lstsq(basis * scale[:, None], target * scale, rcond=None)[0]
            error = np.abs(basis @ found - target)
            weight *= error + 1e-9
            weight /= weight.sum()
        worst = max(worst, error.max())
        pieces.append([0.0] * lowest + list(found))
    print(f"/* {name}: {n} pieces of {step:.9g}, largest error {worst:.2e} */")
    for power, column in enumerate(zip(*pieces)):
        print("{" + ", ".join(text(c * unit ** (power - 1.0)) for c in column) + "},")


fit("wn_gelu_poly", 5.3, 13)
fit_pieces("wn_gelu_pieces", 4.0, 16, 2, lambda c: f"{c:.8e}f")
fit_pieces("gelu_lines", 31.5 / 8, 32, 1, lambda c: f"0x{np.float16(c).view(np.uint16):04X}", UNIT)
