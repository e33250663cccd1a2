#!/usr/bin/env python3
"""Make the polynomial of src/kernel/amx/f16_shares.h.  Needs numpy.

Bits of F16 that fall by one a unit are a line between powers of 2.  What makes of m, 1 <= m < 2, on
such a line the power 2^(m - 1) is fitted by Lawson's iteration as in fit_gelu.py, scaled so that the
largest share is 127 bytes' steps of 256, and then tried with all neighbours in F16 in the arithmetic
that the level does.
"""
import itertools
import numpy as np

DEGREE, ROUNDS, NEIGHBOURS = 3, 400, 4
LARGEST_GUESS = 2.0**15
SCALE = 127 * 256 / LARGEST_GUESS


def fit():
    m = 1.5 + 0.5 * np.cos(np.pi * (np.arange(2000) + 0.5) / 2000)
    target, weight = 2 ** (m - 1) / m, np.ones_like(m)
    basis = np.vander(m, DEGREE + 1)
    for _ in range(ROUNDS):
        scale = weight / target
        found = np.linalg.lstsq(basis * scale[:, None], weight, rcond=None)[0]
        error = np.abs(basis @ found / target - 1)
        weight *= np.sqrt(error / error.max() + 1e-3)
        weight /= weight.max()
    return found


def rounded(x):
    return x.astype(np.float16).astype(np.float64)


def error_of(coefficients):
    """The largest of all fractions."""
    m = 1 + np.arange(1024) / 1024
    p = np.full(m.shape, coefficients[0])
    for c in coefficients[1:]:
        p = rounded(p * m + c)
    return np.abs(rounded(p * m) / (SCALE * 2 ** (m - 1)) - 1).max()


def neighbours(x):
    bits = int(np.float16(x).view(np.uint16))
    return [np.uint16(bits + i).view(np.float16) for i in range(-NEIGHBOURS, NEIGHBOURS + 1)]


def main():
    choices = itertools.product(*(neighbours(c * SCALE) for c in fit()))
    best = min(choices, key=lambda found: error_of([float(c) for c in found]))
    print(f"/* largest error {error_of([float(c) for c in best]):.2e} */")
    print(", ".join(f"0x{int(c.view(np.uint16)):04X}" for c in best))


if __name__ == "__main__":
    main()
