"""Maximum likelihood without tuning: Newton's method that arrives from anywhere.

The models of this room have two to four parameters. Each is fitted in coordinates of its own (the
logarithm of a mean, of a spread) inside walls: where the data cannot tell a coordinate, the
likelihood is flat there and the solution stops at a wall or at the centre of a prior so weak
that it moves no printed digit of a figure that the data do tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Values: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Objective: TypeAlias = Callable[[Values], tuple[float, Values, Values]]
"""Log-likelihood, gradient and Hessian at a point."""

_PRECISION = 1e-4
_CLOSE_ENOUGH = 1e-9
_ROUNDED = 1e-6
_MOST_STEPS = 300
_APART = 0.05
_LARGEST_RADIUS = 4.0
_UNKNOWN_FROM = 2.5
_WIDEST_DRAW = 1.5


@dataclass(frozen=True)
class Walls:
    """Where a coordinate may sensibly lie, and where it rests when the data say nothing."""

    low: Values
    centre: Values
    high: Values
    stiffness: float

    def inside(self, point: Values) -> Values:
        """The nearest point between the walls."""
        return np.clip(point, self.low, self.high)

    def touched(self, point: Values) -> Values:
        """For each coordinate, whether it lies at a wall."""
        return (point < self.low + 0.05) | (point > self.high - 0.05)

    def penalty(self, point: Values) -> tuple[float, Values, Values]:
        """What the prior and the walls take off the log-likelihood, with both derivatives."""
        away, outside = point - self.centre, point - self.inside(point)
        value = 0.5 * _PRECISION * float(np.sum(away**2))
        value += 0.5 * self.stiffness * float(np.sum(outside**2))
        slope = _PRECISION * away + self.stiffness * outside
        return value, slope, np.diag(_PRECISION + self.stiffness * (outside != 0))

    def penalised(self, objective: Objective, point: Values) -> tuple[float, Values, Values]:
        """What is minimised: the penalty minus the log-likelihood."""
        value, slope, curvature = objective(point)
        taken, pull, bend = self.penalty(point)
        return taken - value, pull - slope, bend - curvature


@dataclass(frozen=True)
class Optimum:
    """The maximum: where, how high, how curved (of minus the log-likelihood and the prior)."""

    point: Values
    log_likelihood: float
    curvature: Values
    n_iter: int
    converged: bool
    reached: float

    @property
    def covariance(self) -> Values:
        """The normal approximation around the maximum."""
        scales, axes = np.linalg.eigh(self.curvature)
        least = np.maximum(scales, _PRECISION)
        covariance: Values = np.einsum("ij,j,kj->ik", axes, 1 / least, axes)
        return covariance


def maximise(objective: Objective, walls: Walls, start: Values | None = None) -> Optimum:
    """Newton's method in a region of trust; the step solves the quadratic model exactly.

    The Hessian's axes are known (it is 4 by 4 at most), so that saddles and plateaus are left
    along the axis that curves the wrong way instead of being taken for a maximum.
    """
    point = walls.inside(walls.centre if start is None else np.asarray(start, dtype=float))
    value, slope, curvature = walls.penalised(objective, point)
    radius, converged, steps = 1.0, False, 0
    while steps < _MOST_STEPS:
        steps += 1
        step, promised, bowl = _step(slope, curvature, radius)
        noise = 4e-15 * abs(value)
        if bowl and promised < max(_CLOSE_ENOUGH, noise) and np.linalg.norm(step) < 0.99 * radius:
            converged = True
            point = point + step
            break
        tried = walls.penalised(objective, point + step)
        gained = value - tried[0]
        if bowl and promised < _ROUNDED and gained < 0.5 * promised:
            # So near the maximum the promise is kept, unless rounding is larger than it.
            converged = True
            break
        kept = np.isfinite(tried[0]) and gained > 0.05 * promised - noise
        if not kept or gained < 0.25 * promised:
            radius = 0.3 * min(radius, float(np.linalg.norm(step)))
        elif gained > 0.7 * promised:
            radius = min(_LARGEST_RADIUS, max(radius, 2.5 * float(np.linalg.norm(step))))
        if kept:
            point = point + step
            value, slope, curvature = tried
    value, _, curvature = walls.penalised(objective, point)
    height = walls.penalty(point)[0] - value
    return Optimum(point, height, curvature, steps, converged, value)


def maximise_from(objective: Objective, walls: Walls, starts: list[Values]) -> list[Optimum]:
    """The different maxima that these starts lead to, the highest first."""
    found: list[Optimum] = []
    for best in sorted((maximise(objective, walls, s) for s in starts), key=lambda o: o.reached):
        if all(np.abs(best.point - other.point).max() > _APART for other in found):
            found.append(best)
    return found


def _step(slope: Values, curvature: Values, radius: float) -> tuple[Values, float, bool]:
    """The best step of the quadratic model no longer than ``radius``, and what it promises."""
    scales, axes = np.linalg.eigh(curvature)
    along = np.einsum("ij,i->j", axes, slope)
    bowl = bool(scales[0] > 0)
    shift = 0.0
    if not bowl or np.linalg.norm(along / scales) > radius:
        # The length of the step falls as the shift grows: bisect on a shift large enough.
        low = max(0.0, -float(scales[0]))
        high = low + float(np.linalg.norm(along)) / radius + 1e-12
        low += 1e-12 * max(1.0, low)
        for _ in range(60):
            shift = 0.5 * (low + high)
            if np.linalg.norm(along / (scales + shift)) > radius:
                low = shift
            else:
                high = shift
        shift = high
    walked = -along / (scales + shift)
    short = radius - float(np.linalg.norm(walked))
    if not bowl and short > 1e-3 * radius:
        # Hardly any slope along the axis that curves down: walk it to the edge all the same.
        walked[0] += np.copysign(short, walked[0] if walked[0] else 1.0)
    promised = -float(np.sum(along * walked) + 0.5 * np.sum(scales * walked**2))
    return np.einsum("ij,j->i", axes, walked), promised, bowl


def told_by_data(optimum: Optimum, walls: Walls) -> Values:
    """For each coordinate, whether the data say more about it than the prior does."""
    spread = np.sqrt(np.diag(optimum.covariance))
    told: Values = ~walls.touched(optimum.point) & (spread < _UNKNOWN_FROM)
    return told


def draw(optimum: Optimum, walls: Walls, n: int, seed: int) -> Values:
    """``n`` points of the normal approximation, kept between the walls.

    Along an axis that the data do not tell, the spread is held to a factor of about four: the
    prior's own spread covers numbers that nobody has ever met.
    """
    scales, axes = np.linalg.eigh(optimum.curvature)
    spread = np.minimum(1 / np.sqrt(np.maximum(scales, _PRECISION)), _WIDEST_DRAW)
    normal = np.random.default_rng(seed).standard_normal((n, len(spread)))
    moved = optimum.point + np.einsum("nj,j,ij->ni", normal, spread, axes)
    low, high = np.minimum(walls.low, optimum.point), np.maximum(walls.high, optimum.point)
    drawn: Values = np.clip(moved, low, high)
    return drawn
