r"""The pictures that a toy video can show: a shape of one colour under a sky of another.

Picture (m, u, v) of frame n is :math:`b_v + M_{nm} (p_u - b_v)` with the colours p_u of shapes and b_v of
skies and the masks M of shape and size. Inner products and means need the masks only, not all J pictures.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tightbound.theory._validation import Array, Integers, as_integer, as_positive

RED, BLUE = np.array([0.90, 0.30, 0.15]), np.array([0.15, 0.40, 0.95])
NIGHT, DAY = np.array([0.06, 0.05, 0.16]), np.array([0.80, 0.90, 0.97])
SOFTNESS = 0.08
"""Width of a shape's edge, in units of half the picture."""


@dataclass(frozen=True)
class ToyPictures:
    """A shape between disk and square crosses the picture from left to right.

    Parameters
    ----------
    frames, pixels : int
        N frames of P x P pixels in three colours.
    shapes, colours, skies : int
        Steps from disk to square, from red to blue, from night to day.
    sizes : tuple of float
        Half widths, in units of half the picture.

    Raises
    ------
    TypeError, ValueError
        For counts below what makes sense, or sizes that are not positive.

    Examples
    --------
    >>> pictures = ToyPictures()
    >>> pictures.codes.shape, pictures.render()[:, 0].shape  # every picture; the first one in every frame
    ((270, 4), (24, 16, 16, 3))
    """

    frames: int = 24
    pixels: int = 16
    shapes: int = 3
    colours: int = 9
    skies: int = 5
    sizes: tuple[float, ...] = (0.3, 0.5)

    def __post_init__(self) -> None:
        for name, least in (("frames", 2), ("pixels", 4), ("shapes", 2), ("colours", 2), ("skies", 2)):
            as_integer(name, getattr(self, name), least=least)
        if not self.sizes:
            raise ValueError("sizes is empty: give at least one half width, e.g. (0.3, 0.5)")
        for size in self.sizes:
            as_positive("sizes", size)

    @cached_property
    def codes(self) -> Array:
        """What each picture shows, shape (J, 4): shape, half width, colour, sky; all but width in [-1, 1]."""
        shape, colour, sky = (np.linspace(-1.0, 1.0, n) for n in (self.shapes, self.colours, self.skies))
        return np.array(list(itertools.product(shape, self.sizes, colour, sky)))

    @cached_property
    def masks(self) -> Array:
        """How much of each pixel the shape covers, shape (N, M, P * P)."""
        axis = (2.0 * np.arange(self.pixels) + 1.0) / self.pixels - 1.0
        y, x = (grid.ravel() for grid in np.meshgrid(axis, axis, indexing="ij"))
        kinds = list(itertools.product(np.linspace(-1.0, 1.0, self.shapes), self.sizes))
        shape, size = (np.array(column)[:, None] for column in zip(*kinds, strict=True))
        # from a disk (exponent 2) to nearly a square (12)
        power = 2.0 * 6.0 ** (0.5 * (shape + 1.0))
        centres = np.linspace(-0.45, 0.45, self.frames)[:, None, None]
        radius = (np.abs(x - centres) ** power + np.abs(y) ** power) ** (1.0 / power)
        return np.clip(0.5 + (size - radius) / (2.0 * SOFTNESS), 0.0, 1.0)

    @cached_property
    def paints(self) -> tuple[Array, Array]:
        """Colours of shapes, (U, 3), and of skies, (V, 3)."""
        shape, sky = (np.linspace(0.0, 1.0, n)[:, None] for n in (self.colours, self.skies))
        return RED + shape * (BLUE - RED), NIGHT + sky * (DAY - NIGHT)

    def render(self) -> Array:
        """Return all pictures, shape (N, J, P, P, 3), values in [0, 1]."""
        paint, back = self.paints
        cover = self.masks[:, :, None, None, :, None]
        ground = back[:, None, :]
        found = ground + cover * (paint[:, None, None, :] - ground)
        return np.asarray(found.reshape(self.frames, -1, self.pixels, self.pixels, 3))

    def squared_distances(self, latent: Array) -> Array:
        """Return |z - x|^2 for every picture, shape (N, R, 3, P * P) -> (N, R, J)."""
        paint, back = self.paints
        covered = latent @ self.masks.swapaxes(1, 2)[:, None]
        open_sky = latent.sum(axis=3, keepdims=True) - covered
        shape, sky = covered.swapaxes(2, 3) @ paint.T, open_sky.swapaxes(2, 3) @ back.T
        inner = shape[..., None] + sky[..., None, :]
        own = np.einsum("nrcp,nrcp->nr", latent, latent)[..., None]
        return np.asarray(own - 2.0 * inner.reshape(*own.shape[:2], -1) + self._norms[:, None])

    def mean(self, weights: Array) -> Array:
        """Return the mean picture under weights, shape (N, R, J) -> (N, R, 3, P * P)."""
        paint, back = self.paints
        each = weights.reshape(*weights.shape[:2], self.masks.shape[1], len(paint), len(back))
        shape, sky = each.sum(axis=-1) @ paint, each.sum(axis=-2) @ back
        drawn = (shape - sky).swapaxes(2, 3) @ self.masks[:, None]
        return np.asarray(drawn + sky.sum(axis=2)[..., None])

    def nearest(self, videos: Array) -> tuple[Integers, Array]:
        """Return the nearest picture of every frame and how far it is.

        Parameters
        ----------
        videos : ndarray, shape (R, N, P, P, 3)
            The videos.

        Returns
        -------
        index : ndarray of int64, shape (R, N)
            Rows of ``codes``.
        distance : ndarray, shape (R, N)
            Root mean squared difference per pixel and colour.
        """
        flat = videos.reshape(*videos.shape[:2], -1, 3).transpose(1, 0, 3, 2)
        squares = self.squared_distances(flat)
        index = squares.argmin(axis=-1)
        least = np.maximum(squares.min(axis=-1), 0.0)
        return index.T.astype(np.int64), np.sqrt(least.T / (3 * self.pixels**2))

    @cached_property
    def _norms(self) -> Array:
        """|x|^2 of every picture, shape (N, J)."""
        paint, back = self.paints
        gap = paint[:, None] - back
        parts = (
            self.pixels**2 * (back**2).sum(axis=1)[None],
            2.0 * (back * gap).sum(axis=2),
            (gap**2).sum(axis=2),
        )
        first, second = self.masks.sum(axis=2), (self.masks**2).sum(axis=2)
        found = parts[0] + first[..., None, None] * parts[1] + second[..., None, None] * parts[2]
        return np.asarray(found.reshape(self.frames, -1))
