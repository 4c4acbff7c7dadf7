"""Exact weighted inversion counts by 9-bit digits: the inner loops of Kendall's tau, compiled.

A sequence is sorted digit by digit from the top, as a radix sort would; at each digit the earlier, strictly
larger codes that share all higher digits are counted. Counters are laid out so that updates are a few vector
instructions. All functions release the interpreter's lock, so that threads share the work.
"""

import numpy as np
from numba import njit

# Word d has a 1 in each 16-bit field below d: one addition counts a digit in all counters that it exceeds.
_LOWER_FIELDS = np.array([sum(1 << (16 * k) for k in range(d)) for d in range(4)], np.uint64)


@njit(cache=True, nogil=True)
def _counters(bits):  # pragma: no cover - compiled
    """Room for the counters of digits of up to 10 bits: the fewer, the faster."""
    groups = 8 if bits <= 7 else 16 if bits <= 9 else 32
    members = 8 if bits <= 6 else 16 if bits <= 8 else 32
    return np.empty(groups, np.int32), np.empty((groups, members), np.int32), np.empty(513, np.int64)


@njit(cache=True, nogil=True)
def _digit_offsets(codes, start, stop, shift, offsets):  # pragma: no cover - compiled
    """Where each digit's codes begin once the segment is sorted by that digit."""
    offsets[:] = 0
    for position in range(start, stop):
        offsets[np.uint64(((codes[position] >> shift) & np.int32(511)) + 1)] += 1
    offsets[0] = start
    for digit in range(512):
        offsets[digit + 1] += offsets[digit]


@njit(cache=True, nogil=True)
def _wide_inversions(codes, weights, spare, start, stop, shift, work, sort):  # pragma: no cover - compiled
    """Count earlier, strictly larger digits; copy the segment to `spare`, sorted, where asked.

    ``groups[g]`` holds how many earlier digits lie in a higher group, ``members[g, m]`` how many in the same
    group are larger: two look-ups a query, and updates of a width that compiles to vector instructions.
    """
    groups, members, offsets = work
    width, depth = len(groups), members.shape[1]
    split = np.int32(0)
    while 1 << split < depth:
        split += np.int32(1)
    mask = np.int32(width * depth - 1)
    shift = np.int32(shift)
    groups[:] = 0
    members[:] = 0
    if sort:
        _digit_offsets(codes, start, stop, shift, offsets)
    total = np.int64(0)
    weight = np.int32(1)
    for position in range(start, stop):
        digit = (codes[position] >> shift) & mask
        group, member = digit >> split, digit & np.int32(depth - 1)
        row = members[np.uint64(group)]
        larger = np.int64(groups[np.uint64(group)] + row[np.uint64(member)])
        if weights is None:
            total += larger
        else:
            weight = weights[position]
            total += weight * larger
        for k in range(width):
            groups[k] += weight * np.int32(np.int32(k) < group)
        for k in range(depth):
            row[k] += weight * np.int32(np.int32(k) < member)
        if sort:
            place = offsets[np.uint64(digit)]
            offsets[np.uint64(digit)] = place + 1
            spare[0][place] = codes[position]
            if weights is not None:
                spare[1][place] = weight
    return total


@njit(cache=True, nogil=True)
def _packed_inversions(codes, start, stop, counters):  # pragma: no cover - compiled
    """The same for the lowest 8 bits of at most 65,535 codes.

    Four 16-bit counters share a word; word 0 of `counters` (85,) is for the upper two bits, the next 4, 16
    and 64 words for the two bits below each prefix.
    """
    counters[:] = np.uint64(0)
    mask = np.uint64(65535)
    total = np.uint64(0)
    for position in range(start, stop):
        code = np.uint64(codes[position])
        a = (code >> np.uint64(6)) & np.uint64(3)
        b = (code >> np.uint64(4)) & np.uint64(15)
        c = (code >> np.uint64(2)) & np.uint64(63)
        d = code & np.uint64(255)
        second, third, fourth = np.uint64(1) + a, np.uint64(5) + b, np.uint64(21) + c
        b, c, d = b & np.uint64(3), c & np.uint64(3), d & np.uint64(3)
        total += (counters[0] >> (a << np.uint64(4))) & mask
        total += (counters[second] >> (b << np.uint64(4))) & mask
        total += (counters[third] >> (c << np.uint64(4))) & mask
        total += (counters[fourth] >> (d << np.uint64(4))) & mask
        counters[0] += _LOWER_FIELDS[a]
        counters[second] += _LOWER_FIELDS[b]
        counters[third] += _LOWER_FIELDS[c]
        counters[fourth] += _LOWER_FIELDS[d]
    return np.int64(total)


@njit(cache=True, nogil=True)
def _last_digit_inversions(codes, weights, work):  # pragma: no cover - compiled
    """Inversions inside the segments that share all but the lowest 8 bits."""
    counters = np.empty(85, np.uint64)
    total = np.int64(0)
    start = 0
    while start < len(codes):
        prefix = codes[start] >> np.int32(8)
        stop = start + 1
        while stop < len(codes) and codes[stop] >> np.int32(8) == prefix:
            stop += 1
        if weights is None and stop - start <= 65535:
            total += _packed_inversions(codes, start, stop, counters)
        else:
            total += _wide_inversions(codes, weights, (codes, codes), start, stop, 0, work, False)
        start = stop
    return total


@njit(cache=True, nogil=True)
def _upper_digit_inversions(codes, weights, spare, shift, work):  # pragma: no cover - compiled
    """Inversions by one 9-bit digit inside the segments that share the digits above; sorts into `spare`."""
    total = np.int64(0)
    start = 0
    while start < len(codes):
        prefix = np.int64(codes[start]) >> (shift + 9)
        stop = start + 1
        while stop < len(codes) and np.int64(codes[stop]) >> (shift + 9) == prefix:
            stop += 1
        total += _wide_inversions(codes, weights, spare, start, stop, shift, work, True)
        start = stop
    return total


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
def count_inversions(codes, weights, spare):  # pragma: no cover - compiled
    """Sum of ``weights[p] * weights[q]`` over positions p < q with ``codes[p] > codes[q]``.

    Parameters
    ----------
    codes
        (size,) non-negative int32; reordered in place.
    weights
        (size,) positive int32, reordered in place, or None for all ones.
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
    if bits <= 10:  # one pass with more counters beats two
        return _wide_inversions(codes, weights, spare, 0, len(codes), 0, _counters(bits), False)
    work = _counters(min(bits - 8, 9))
    total = np.int64(0)
    shift = 8 + 9 * ((bits - 9) // 9)
    here, there = codes, spare[0]
    here_weights, there_weights = weights, spare[1]
    while shift >= 8:
        if weights is None:
            total += _upper_digit_inversions(here, None, (there, there), shift, work)
        else:
            total += _upper_digit_inversions(here, here_weights, (there, there_weights), shift, work)
            here_weights, there_weights = there_weights, here_weights
        here, there = there, here
        shift -= 9
    if weights is None:
        return total + _last_digit_inversions(here, None, _counters(8))
    return total + _last_digit_inversions(here, here_weights, _counters(8))
