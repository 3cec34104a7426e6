"""The demo's job: pi from random points, and a system of linear equations."""

import os
import platform

import numpy

POINTS = 2_000_000
EQUATIONS = 300

random = numpy.random.default_rng(seed=1)
points = random.random((POINTS, 2))
pi = 4 * numpy.mean((points**2).sum(axis=1) < 1)
matrix = random.random((EQUATIONS, EQUATIONS))
right = random.random(EQUATIONS)
error = numpy.abs(matrix @ numpy.linalg.solve(matrix, right) - right).max()

print(f"process {os.getpid()} of its container, Python {platform.python_version()}, numpy {numpy.__version__}")
print(f"pi is about {pi:.4f}, from {POINTS:,} random points")
print(f"{EQUATIONS} equations solved, largest error below 1e-8: {error < 1e-8}")
