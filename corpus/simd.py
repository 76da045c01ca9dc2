"""Sixty-four bytes at a time: what each of them is, as the bits of one number.

The method of simdjson (Langdale and Lemire 2019, "Parsing gigabytes of JSON per second", section
3): to compare a block of 64 bytes with a constant gives 64 truths, which are one uint64 with bit i
for byte i; what stands where is then found by arithmetic on such masks, not by a branch a byte.
LLVM makes of a comparison one or two instructions with AVX-512 or AVX2, four with SSE2 or NEON.
Nothing here checks bounds: an array must reach 64 bytes beyond the last byte that is asked about.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import extending, njit
from numba import types as numba_types

intrinsic: Any = extending.intrinsic  # its type has the first argument, which numba gives
types: Any = numba_types

BLOCK = 64  # bytes
PADDING = bytes(BLOCK)

# How kernels over many short texts are compiled. Numba counts references to an array wherever one
# is passed on, atomically, which was a fifth of the time of a dump's lines; without its runtime
# (`_nrt`) it does not, nor does it let a kernel make an array. The caller holds theirs.
KERNEL: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}

_BYTE, _MASK = ir.IntType(8), ir.IntType(64)
_VECTOR = ir.VectorType(_BYTE, BLOCK)
_MASK_PAIR = types.UniTuple(types.uint64, 2)
_MASK_FOUR = types.UniTuple(types.uint64, 4)


@intrinsic
def string_masks(typingctx: Any, data: Any, at: Any) -> Any:
    """Masks of the block at data[at]: quotes, backslashes, control bytes, bytes above ASCII."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(context, builder, signature, arguments, _VECTOR)
        found = (
            builder.icmp_unsigned("==", block, _all(ord('"'))),
            builder.icmp_unsigned("==", block, _all(ord("\\"))),
            builder.icmp_unsigned("<", block, _all(0x20)),
            builder.icmp_signed("<", block, _all(0)),
        )
        masks = [builder.bitcast(truths, _MASK) for truths in found]
        return context.make_tuple(builder, signature.return_type, masks)

    return _MASK_FOUR(data, at), build


@intrinsic
def outside_masks(typingctx: Any, data: Any, at: Any) -> Any:
    """Masks of the block at data[at]: the six structural characters of JSON, and blanks."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(context, builder, signature, arguments, _VECTOR)
        folded = builder.or_(block, _all(0x20))  # [ and { differ by this bit, ] and } too
        structural = builder.icmp_unsigned("==", folded, _all(ord("{")))
        for vector, character in ((folded, "}"), (block, ":"), (block, ",")):
            equal = builder.icmp_unsigned("==", vector, _all(ord(character)))
            structural = builder.or_(structural, equal)
        blank = builder.icmp_unsigned("==", block, _all(ord(" ")))
        masks = [builder.bitcast(truths, _MASK) for truths in (structural, blank)]
        return context.make_tuple(builder, signature.return_type, masks)

    return _MASK_PAIR(data, at), build


@intrinsic
def control_masks(typingctx: Any, data: Any, at: Any) -> Any:
    """Masks of the block at data[at]: line feeds, and the tabs and returns that JSON takes."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(context, builder, signature, arguments, _VECTOR)
        tab, ret = (builder.icmp_unsigned("==", block, _all(ord(c))) for c in "\t\r")
        found = (builder.icmp_unsigned("==", block, _all(ord("\n"))), builder.or_(tab, ret))
        masks = [builder.bitcast(truths, _MASK) for truths in found]
        return context.make_tuple(builder, signature.return_type, masks)

    return _MASK_PAIR(data, at), build


@intrinsic
def word_masks(typingctx: Any, data: Any, at: Any) -> Any:
    """Masks of the block at data[at]: ASCII letters and digits, and bytes above ASCII."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(context, builder, signature, arguments, _VECTOR)
        letter = builder.sub(builder.or_(block, _all(0x20)), _all(ord("a")))  # of either case
        digit = builder.sub(block, _all(ord("0")))
        found = (
            builder.or_(
                builder.icmp_unsigned("<", letter, _all(26)),
                builder.icmp_unsigned("<", digit, _all(10)),
            ),
            builder.icmp_signed("<", block, _all(0)),
        )
        masks = [builder.bitcast(truths, _MASK) for truths in found]
        return context.make_tuple(builder, signature.return_type, masks)

    return _MASK_PAIR(data, at), build


@intrinsic
def equal_mask(typingctx: Any, data: Any, at: Any, byte: Any) -> Any:
    """Mask of the block at data[at]: the bytes that are this one, a uint8."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(context, builder, signature, arguments, _VECTOR)
        wanted = _splat(builder, arguments[2])
        return builder.bitcast(builder.icmp_unsigned("==", block, wanted), _MASK)

    return types.uint64(data, at, types.uint8), build


@intrinsic
def range_mask(typingctx: Any, data: Any, at: Any, first: Any, last: Any) -> Any:
    """Mask of the block at data[at]: the bytes from first to last, uint8, both among them."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        block = _load(context, builder, signature, arguments, _VECTOR)
        low, high = (_splat(builder, byte) for byte in arguments[2:])
        inside = builder.icmp_unsigned("<=", builder.sub(block, low), builder.sub(high, low))
        return builder.bitcast(inside, _MASK)

    return types.uint64(data, at, types.uint8, types.uint8), build


@intrinsic
def eight_bytes(typingctx: Any, data: Any, at: Any) -> Any:
    """Eight bytes from data[at] as a uint64, in the machine's own order."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(context, builder, signature, arguments, _MASK)

    return types.uint64(data, at), build


@intrinsic
def byte_at(typingctx: Any, data: Any, at: Any) -> Any:
    """data[at] as an int64, without numba's check for a negative index."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.zext(_load(context, builder, signature, arguments, _BYTE), _MASK)

    return types.int64(data, at), build


@intrinsic
def lowest_bit(typingctx: Any, mask: Any) -> Any:
    """Number of the lowest bit that is set, 64 where none is."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), build


@intrinsic
def highest_bit(typingctx: Any, mask: Any) -> Any:
    """Number of the highest bit that is set, -1 where none is."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        leading = builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))
        return builder.sub(ir.Constant(_MASK, 63), leading)

    return types.int64(types.uint64), build


@intrinsic
def num_bits(typingctx: Any, mask: Any) -> Any:
    """How many bits are set."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), build


@njit(cache=True, nogil=True, inline="always")
def parity(mask: np.uint64) -> np.uint64:
    """Each bit, the parity of the bits up to it: of quotes, the mask of what stands within them."""
    mask ^= mask << np.uint64(1)
    mask ^= mask << np.uint64(2)
    mask ^= mask << np.uint64(4)
    mask ^= mask << np.uint64(8)
    mask ^= mask << np.uint64(16)
    return mask ^ (mask << np.uint64(32))


def _all(byte: int) -> ir.Constant:
    return ir.Constant(_VECTOR, [byte] * BLOCK)


def _splat(builder: Any, byte: Any) -> Any:
    """The byte 64 times; a constant where the kernel names one."""
    single = builder.insert_element(_all(0), byte, ir.Constant(ir.IntType(32), 0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), BLOCK), [0] * BLOCK)
    return builder.shuffle_vector(single, _all(0), places)


def _load(context: Any, builder: Any, signature: Any, arguments: Any, kind: ir.Type) -> Any:
    """A value of this LLVM type from data[at], wherever it is aligned."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    place = builder.gep(array.data, [arguments[1]])
    return builder.load(builder.bitcast(place, kind.as_pointer()), align=1)
