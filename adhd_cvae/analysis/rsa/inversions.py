"""Exact weighted inversion counts, digit by digit: the inner loops of Kendall's tau, compiled.

A sequence is looked at as a radix sort would, from its highest digit. At each digit the earlier, strictly larger
codes that share all higher digits are counted. Four 16-bit counters share a word, so that one code updates all
counters that it exceeds in a few vector instructions. All functions release the interpreter's lock, so that
threads share the work.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

_FULL = 65535
"""What a counter holds; a longer sequence is counted in parts."""
_LANES = np.uint64(16)
"""Counters added to at once."""
_WIDEST = 12
"""Bits of a digit at most: the counters of 4,096 levels still fit the fastest memory."""
_NARROW = 8
"""Bits left for the last digit of a long code at least: fewer are not counted faster."""


def _adding(typing_context: Any, counters: Any, start: Any, ones: Any, row: Any, weight: Any) -> Any:
    """Add ``weight * ones[row : row + 16]`` to ``counters[start : start + 16]``, all uint16, in one step.

    Written in the compiler's own language: it does not find this step in a loop, which it unrolls too early.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lanes = ir.VectorType(ir.IntType(16), int(_LANES))

        def place(array: int) -> Any:
            data = context.make_array(signature.args[array])(context, builder, values[array]).data
            return builder.bitcast(builder.gep(data, [values[array + 1]]), lanes.as_pointer())

        target, source = place(0), place(2)
        nothing = ir.Constant(lanes, ir.Undefined)
        first = builder.insert_element(nothing, values[4], ir.Constant(ir.IntType(32), 0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), int(_LANES)), [0] * int(_LANES))
        weights = builder.shuffle_vector(first, nothing, everywhere)
        added = builder.mul(builder.load(source, align=2), weights)
        builder.store(builder.add(builder.load(target, align=2), added), target, align=2)
        return context.get_dummy_value()

    return types.void(counters, types.uint64, ones, types.uint64, types.uint16), generate


_add: Any = intrinsic(_adding)


def _lower(levels: int) -> NDArray[np.uint16]:
    """(levels, levels) ones below the diagonal, flat: row l has them at the levels that l exceeds."""
    return np.tri(levels, k=-1, dtype=np.uint16).ravel()


_LOWER_16, _LOWER_32, _LOWER_64 = _lower(16), _lower(32), _lower(64)


@njit(cache=True, nogil=True)
def _count_levels(codes, weights, shift, side, lower):  # pragma: no cover - compiled
    """Inversions by the digit of ``side * side`` levels above `shift` among codes that share what is above it.

    ``larger_groups[g]`` holds how many earlier digits lie in a higher group, ``larger_members[g, m]`` how many in
    the same group are larger: two look-ups a query. The tables of ones are an argument, and this is no closure over
    them: functions that share a name share a symbol in numba's cache, and one may then run for another.
    """
    side, members = np.uint64(side), np.uint32(side - 1)
    split = np.uint32(4 if side == 16 else 5 if side == 32 else 6)
    larger_groups, larger_members = np.zeros(side, np.uint16), np.zeros(side * side, np.uint16)
    before = np.zeros(side * side, np.int64)  # larger ones in earlier parts of the segment
    parts = 0
    prefix = np.uint32(codes[0]) >> shift >> split >> split
    total, held, weight = np.int64(0), np.int64(0), np.int64(1)
    for position in range(len(codes)):
        digit = np.uint32(codes[position]) >> shift
        if weights is not None:
            weight = np.int64(weights[position])
        above = digit >> split >> split
        if above != prefix or held + weight > _FULL:
            if above == prefix:
                for level in range(len(before)):
                    before[level] += larger_groups[level >> split] + larger_members[level]
                parts += 1
            elif parts:
                before[:] = 0
                parts = 0
            prefix = above
            larger_groups[:] = 0
            larger_members[:] = 0
            held = np.int64(0)
        held += weight
        group, member = np.uint64((digit >> split) & members), np.uint64(digit & members)
        level = group * side + member
        larger = np.int64(larger_groups[group]) + np.int64(larger_members[level])
        if parts:
            larger += before[level]
        total += weight * larger
        for lane in range(np.uint64(0), side, _LANES):
            _add(larger_groups, lane, lower, group * side + lane, np.uint16(weight))
            _add(larger_members, group * side + lane, lower, member * side + lane, np.uint16(weight))
    return total


@njit(cache=True, nogil=True)
def _count_digit(codes, weights, shift, bits):  # pragma: no cover - compiled
    """Inversions by the digit of `bits` above `shift`: the fewer levels, the faster."""
    if bits <= 8:
        return _count_levels(codes, weights, shift, 16, _LOWER_16)
    if bits <= 10:
        return _count_levels(codes, weights, shift, 32, _LOWER_32)
    return _count_levels(codes, weights, shift, 64, _LOWER_64)


@njit(cache=True, nogil=True)
def _sort_above(codes, weights, there, there_weights, shift, largest):  # pragma: no cover - compiled
    """Copy the codes sorted by what lies above `shift`; those that agree in it keep their order."""
    offsets = np.zeros((largest >> shift) + 2, np.int64)
    for position in range(len(codes)):
        offsets[np.uint64((codes[position] >> shift) + 1)] += 1
    for prefix in range(1, len(offsets)):
        offsets[prefix] += offsets[prefix - 1]
    for position in range(len(codes)):
        prefix = np.uint64(codes[position] >> shift)
        there[offsets[prefix]] = codes[position]
        if weights is not None:
            there_weights[offsets[prefix]] = weights[position]
        offsets[prefix] += 1


@njit(cache=True, nogil=True)
def _two_level_inversions(codes, weights):  # pragma: no cover - compiled
    """The same for codes 0 and 1: one running sum."""
    total = np.int64(0)
    ones = np.int64(0)
    for position in range(len(codes)):
        weight = np.int64(1)
        if weights is not None:
            weight = np.int64(weights[position])
        if codes[position]:
            ones += weight
        else:
            total += weight * ones
    return total


@njit(cache=True, nogil=True)
def _next_shift(bits):  # pragma: no cover - compiled
    """Bits to leave for later digits."""
    return 0 if bits <= _WIDEST else max(bits - _WIDEST, _NARROW)


@njit(cache=True, nogil=True)
def count_inversions(codes, weights, spare):  # pragma: no cover - compiled
    """Sum of ``weights[p] * weights[q]`` over positions p < q with ``codes[p] > codes[q]``.

    Parameters
    ----------
    codes
        (size,) non-negative int32; reordered in place.
    weights
        (size,) positive int32 below 65,536, reordered in place, or None for all ones.
    spare
        Two int32 buffers of that size; overwritten.

    Returns
    -------
    int64
    """
    if len(codes) < 2:
        return np.int64(0)
    largest = np.int64(codes.max())
    if largest < 2:
        return _two_level_inversions(codes, weights)
    bits = 0
    while largest >> bits:
        bits += 1
    shift = _next_shift(bits)
    total = _count_digit(codes, weights, np.uint32(shift), bits - shift)
    here, there = codes, spare[0]
    here_weights, there_weights = weights, spare[1]
    while shift:
        _sort_above(here, here_weights, there, there_weights, shift, largest)
        here, there = there, here
        if weights is not None:
            here_weights, there_weights = there_weights, here_weights
        bits, shift = shift, _next_shift(shift)
        total += _count_digit(here, here_weights, np.uint32(shift), bits - shift)
    return total
