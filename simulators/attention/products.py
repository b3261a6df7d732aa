"""Matrix products whose derivatives are written out, so that runs side by side stay batched products.

Left to automatic differentiation, the derivative of a product comes out transposed; on a CPU, and for several
runs at once, that form is many times slower than the one written here.
"""

from __future__ import annotations

from functools import cache
from typing import Any


def linear(rows: Any, matrix: Any) -> Any:
    """Return ``rows @ matrix``; rows (..., d), matrix (d, k)."""
    flat = rows.reshape(-1, rows.shape[-1])
    return _product("nd,dk->nk", "nk,dk->nd", "nd,nk->dk")(flat, matrix).reshape(*rows.shape[:-1], -1)


def inner(query: Any, key: Any) -> Any:
    """Return the products of every query with every key; (..., R, d) and (..., C, d) to (..., R, C)."""
    return _batched(_product("brd,bcd->brc", "brc,bcd->brd", "brd,brc->bcd"), query, key)


def mix(scores: Any, values: Any) -> Any:
    """Return ``scores @ values``; (..., R, C) and (..., C, d) to (..., R, d)."""
    return _batched(_product("brc,bcd->brd", "brd,bcd->brc", "brc,brd->bcd"), scores, values)


def _batched(product: Any, left: Any, right: Any) -> Any:
    lead = left.shape[:-2]
    flat = [part.reshape(-1, *part.shape[-2:]) for part in (left, right)]
    found = product(*flat)
    return found.reshape(*lead, *found.shape[-2:])


@cache
def _product(forward: str, to_left: str, to_right: str) -> Any:
    """Return einsum ``forward`` of two arrays; the other two give the derivatives.

    ``to_left`` takes (cotangent, right); ``to_right`` takes whichever order its letters say of (left,
    cotangent).
    """
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def product(left: Any, right: Any) -> Any:
        return jnp.einsum(forward, left, right)

    def there(left: Any, right: Any) -> Any:
        return product(left, right), (left, right)

    def back(kept: Any, cotangent: Any) -> Any:
        left, right = kept
        return jnp.einsum(to_left, cotangent, right), jnp.einsum(to_right, left, cotangent)

    product.defvjp(there, back)
    return product
