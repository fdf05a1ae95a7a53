"""Google's protocol buffers, as far as a .caffemodel needs them: the fields of a message, without its description.

A message is a row of fields: a key (number * 8 + wire type), then a value: 0 a varint (7 bits a byte, the lowest
first, the top bit says that more follow), 1 eight bytes, 2 a length and that many bytes, 5 four bytes.
https://protobuf.dev/programming-guides/encoding
"""

from collections.abc import Iterator

Value = int | memoryview
Message = dict[int, list[Value]]
_FIXED = {1: 8, 5: 4}


def parse_message(data: memoryview) -> Message:
    """Return field number -> values in their order: an int for a varint, the bytes for everything else."""
    message: Message = {}
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, wire_type = key >> 3, key & 7
        if wire_type == 0:
            value, position = _varint(data, position)
            message.setdefault(number, []).append(value)
            continue
        if wire_type == 2:
            length, position = _varint(data, position)
        elif wire_type in _FIXED:
            length = _FIXED[wire_type]
        else:
            raise ValueError(f"wire type {wire_type} at byte {position}")
        if number == 0 or position + length > len(data):
            raise ValueError(f"field {number} ends {position + length - len(data)} bytes behind its message")
        message.setdefault(number, []).append(data[position : position + length])
        position += length
    return message


def varints(values: list[Value]) -> Iterator[int]:
    """The numbers of a repeated field, packed (one row of bytes) or not."""
    for value in values:
        if isinstance(value, int):
            yield value
        else:
            position = 0
            while position < len(value):
                number, position = _varint(value, position)
                yield number


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    """The number at `position` and the position behind it."""
    number = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte = data[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
    raise ValueError("a number that does not end")
