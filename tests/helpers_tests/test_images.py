"""Pictures by path: orientations and sizes, damage and oddities by name; resizing and padding."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from helpers.errors import UserError
from helpers.images import (
    image_size,
    inspect_picture,
    notes_told,
    pad_to_square,
    read_image,
    require_picture,
    resize_to_max_dim,
    square_placement,
    write_image,
)


def four_corners(width=64, height=48):
    """An RGB picture whose corners are red, green, blue and white."""
    pixels = np.full((height, width, 3), 90, np.uint8)
    pixels[: height // 2, : width // 2] = (255, 0, 0)
    pixels[: height // 2, width // 2 :] = (0, 255, 0)
    pixels[height // 2 :, : width // 2] = (0, 0, 255)
    pixels[height // 2 :, width // 2 :] = (255, 255, 255)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_exif_orientations_read_upright(tmp_path, orientation):
    upright = four_corners()
    turn = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the Pillow transposition whose undoing the tag asks for
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(turn[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.jpg"
    stored.save(path, exif=exif, quality=95)
    image = read_image(path)
    assert image.shape == (48, 64, 3)
    assert image_size(path) == (64, 48)
    expected = np.asarray(upright)[:, :, ::-1].astype(int)
    assert np.abs(image.astype(int) - expected)[6::12, 6::12].max() < 60, "corners are not where they belong"


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("orientation", [0, 1, 6, 8, 9])
def test_the_size_follows_the_reader_in_both_byte_orders(tmp_path, endian, orientation):
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010F], exif[0x0112], exif[0x0132] = "a maker's name", orientation, "2020:01:01 00:00:00"
    path = tmp_path / "turned.jpg"
    four_corners().save(path, exif=exif)
    height, width = read_image(path).shape[:2]
    assert image_size(path) == (width, height)


def app1(content):
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def exif_block(orientation, tag_type=3, maker=b"Exif\0\0"):
    value = struct.pack("<I", orientation)
    return app1(maker + b"II" + struct.pack("<HIHHHI", 42, 8, 1, 0x0112, tag_type, 1) + value + bytes(4))


XMP = b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
ODD_BLOCKS = {
    "orientation in XMP only": app1(XMP),
    "XMP and EXIF contradict each other": app1(XMP) + exif_block(1),
    "two EXIF blocks": exif_block(1) + exif_block(6),
    "two EXIF blocks, first turned": exif_block(6) + exif_block(1),
    "orientation as a byte": exif_block(6, tag_type=1),
    "orientation as a long": exif_block(6, tag_type=4),
    "no maker": exif_block(6, maker=b""),
    "other maker": exif_block(6, maker=b"EXIF\0\0"),
    **{f"cut off after {length} bytes": app1(exif_block(6)[4 : 4 + length]) for length in range(6, 36, 3)},
}


@pytest.mark.parametrize("name", ODD_BLOCKS)
def test_the_size_follows_the_reader_where_readers_of_exif_differ(tmp_path, name):
    stored = io.BytesIO()
    four_corners().save(stored, "JPEG")
    path = tmp_path / "odd.jpg"
    path.write_bytes(stored.getvalue()[:2] + ODD_BLOCKS[name] + stored.getvalue()[2:])
    height, width = read_image(path).shape[:2]
    assert image_size(path) == (width, height)


def test_a_damaged_exif_block_does_not_turn_the_size(tmp_path):
    path = tmp_path / "thumbnail.jpg"
    path.write_bytes(jpeg_with_thumbnail())
    assert image_size(path) == (400, 300)


def jpeg_bytes(**options):
    buffer = io.BytesIO()
    four_corners(400, 300).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def jpeg_with_thumbnail():
    """A JPEG whose EXIF block embeds a whole small JPEG, end marker and all, as cameras write it."""
    thumbnail = io.BytesIO()
    four_corners(16, 12).save(thumbnail, "JPEG")
    block = b"Exif\x00\x00" + thumbnail.getvalue()
    whole = jpeg_bytes()
    return whole[:2] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + whole[2:]


def test_damage_is_named_by_its_path(tmp_path):
    path = tmp_path / "bad.jpg"
    for content, reason in ((b"", "0 bytes"), (jpeg_bytes()[:-200], "cut off"), (b"no picture", "not a JPEG")):
        path.write_bytes(content)
        for read in (read_image, inspect_picture):
            with pytest.raises(UserError, match=rf"bad\.jpg: .*{reason}"):
                read(path)
    with pytest.raises(UserError, match=r"bad\.jpg: .*not a JPEG"):
        image_size(path)
    path.write_bytes(b"")
    with pytest.raises(UserError, match=r"bad\.jpg: .*0 bytes"):
        image_size(path)


def test_what_is_odd_is_logged_once_and_not_where_it_was_told(tmp_path, caplog):
    odd = [tmp_path / "a.png", tmp_path / "b.png"]
    for path in odd:
        Image.fromarray(np.full((4, 4), 4095, np.uint16)).save(path)
    (note,) = inspect_picture(odd[0]).notes
    assert caplog.text == ""
    notes_told(odd[1], (note,))
    for path in (*odd, *odd):
        read_image(path)
    assert caplog.text.count("nearly black") == 1
    assert "a.png" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    ["photo.jpg", None, np.zeros((0, 5, 3), np.uint8), np.zeros((5, 0, 3), np.uint8), np.zeros((5, 5), np.uint8),
     np.zeros((5, 5, 4), np.uint8), np.zeros((5, 5, 3))],
)  # fmt: skip
def test_what_is_no_picture_in_memory(wrong):
    with pytest.raises(ValueError, match=r"image: expected .*\(H, W, 3\) uint8"):
        require_picture(wrong)
    require_picture(np.zeros((1, 1, 3), np.uint8))


def test_png_named_jpg_and_unusual_paths_are_fine(tmp_path):
    path = tmp_path / "grün 🍊 a.jpg"
    buffer = io.BytesIO()
    four_corners().save(buffer, "PNG")
    path.write_bytes(buffer.getvalue())
    assert read_image(path).shape == (48, 64, 3)
    copy = tmp_path / "néw" / "ü.png"
    write_image(copy, read_image(path))
    np.testing.assert_array_equal(read_image(copy), read_image(path))


def test_missing_picture(tmp_path):
    with pytest.raises(UserError, match="no such picture"):
        read_image(tmp_path / "none.jpg")


def test_resize_never_enlarges():
    image = np.zeros((1333, 1000, 3), np.uint8)
    small, scale = resize_to_max_dim(image, 200)
    assert small.shape == (200, 150, 3)
    assert scale == 200 / 1333
    same, scale = resize_to_max_dim(small, 500)
    assert same is small
    assert scale == 1
    assert resize_to_max_dim(np.zeros((20, 20000, 3), np.uint8), 200)[0].shape == (1, 200, 3)


def test_padding_by_hand():
    # 1000 x 1333 in 1000: scale .750..., 750 wide, so 125 on both sides
    placement = square_placement(1000, 1333, 1000)
    assert (placement.offset_x, placement.offset_y) == (125, 0)
    assert placement.scale == 1000 / 1333
    # 999 x 1000: one column is left over, half on each side
    assert square_placement(999, 1000, 1000).offset_x == 0.5
    padded, placement = pad_to_square(np.full((2, 4, 3), 7, np.uint8), 8)
    assert placement.scale == 2
    assert (placement.offset_x, placement.offset_y) == (0, 2)
    assert (padded[2:6] == 7).all()
    assert (padded[:2] == 114).all()
    assert (padded[6:] == 114).all()


def test_padding_one_pixel_and_odd_rest():
    padded, _ = pad_to_square(np.full((1, 1, 3), 9, np.uint8), 16)
    assert (padded == 9).all()
    padded, placement = pad_to_square(np.full((999, 1000, 3), 9, np.uint8), 1000)
    assert placement.offset_y == 0.5
    assert (padded[:999] == 9).all()
    assert (padded[999] == 114).all()
    assert cv2.countNonZero((padded[:, :, 0] == 114).astype(np.uint8)) == 1000
