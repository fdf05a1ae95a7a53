"""The one decoder, on a corpus of odd files that Pillow and NumPy write: what they should look like is known here."""

import io
import struct
import threading
import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from helpers.decoding import decode_image, inspect_image, size_from_header
from helpers.errors import UserError

TURNS = {  # what a camera does to an upright array so that each orientation undoes it
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


def smooth(height=48, width=64, channels=3, seed=0):
    """A picture that JPEG keeps well, from black to white, without any symmetry."""
    y, x = np.mgrid[0:height, 0:width]
    phases = np.random.default_rng(seed).uniform(0, 3, channels)
    waves = [np.sin(x / 11 + phase) + np.cos(y / 7 + 2 * phase) + (x + 2 * y) / 90 for phase in phases]
    stacked = np.stack(waves, axis=-1)
    low, high = stacked.min(), stacked.max()
    return np.rint((stacked - low) / (high - low) * 255).astype(np.uint8)


def saved(array, kind, mode=None, **options):
    """The bytes of `array` (RGB order) as a file of this kind."""
    picture = Image.fromarray(np.ascontiguousarray(array))
    buffer = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(buffer, kind, **options)
    return buffer.getvalue()


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def pixels_of(data, name="x"):
    pixels, _ = decode_image(data, name)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    found = inspect_image(data, name)
    assert (found.height, found.width) == pixels.shape[:2]
    return pixels


LOSSLESS = {"PNG": {}, "BMP": {}, "WEBP": {"lossless": True}, "TIFF": {"compression": "tiff_lzw"}}


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_keep_every_pixel(kind):
    rgb = smooth()
    np.testing.assert_array_equal(pixels_of(saved(rgb, kind, **LOSSLESS[kind])), rgb[:, :, ::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_all_orientations_by_hand(kind, orientation):
    rgb = smooth()
    exif = {"exif": exif_of(orientation)} if kind != "TIFF" else {"tiffinfo": {0x0112: orientation}}
    data = saved(TURNS[orientation](rgb), kind, **LOSSLESS[kind], **exif)
    np.testing.assert_array_equal(pixels_of(data), rgb[:, :, ::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_turned_with_its_picture(kind, orientation):
    rgba = smooth(channels=4)
    alpha = rgba[:, :, 3:] / 255
    expected = np.rint(rgba[:, :, 2::-1] * alpha + 255 * (1 - alpha))
    exif = {"exif": exif_of(orientation)} if kind != "TIFF" else {"tiffinfo": {0x0112: orientation}}
    options = LOSSLESS[kind] | ({"exact": True} if kind == "WEBP" else {})
    got = pixels_of(saved(TURNS[orientation](rgba), kind, **options, **exif)).astype(int)
    assert np.abs(got - expected).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpegs_are_as_opencv_and_pillow_read_them(mode, orientation):
    """Two decoders that know nothing of ours; OpenCV makes other colours of CMYK, Pillow of no mode."""
    data = saved(TURNS[orientation](smooth(45, 61)), "JPEG", mode, exif=exif_of(orientation), quality=90)
    pixels = pixels_of(data)
    with Image.open(io.BytesIO(data)) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))[:, :, ::-1]
    np.testing.assert_array_equal(pixels, expected)
    if mode != "CMYK":
        np.testing.assert_array_equal(pixels, cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 0}, {"subsampling": 1}, {"quality": 100},
                                     {"restart_marker_rows": 1}, {"keep_rgb": True}, {"optimize": True}])  # fmt: skip
def test_flavours_of_jpeg_are_as_opencv_reads_them(options):
    data = saved(smooth(45, 61), "JPEG", **options)
    pixels, notes = decode_image(data, "x")
    assert notes == ()
    np.testing.assert_array_equal(pixels, cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))


def test_a_preview_behind_the_picture_is_no_matter():
    first, second = smooth(), smooth(seed=5)
    data = io.BytesIO()
    Image.fromarray(first).save(data, "MPO", save_all=True, append_images=[Image.fromarray(second)], quality=95)
    pixels, notes = decode_image(data.getvalue(), "x")
    assert notes == ()
    assert np.abs(pixels.astype(int) - first[:, :, ::-1]).mean() < 3


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "PA", "RGBA"])
def test_modes_of_png(mode):
    grey = np.tile(np.linspace(0, 255, 32).astype(np.uint8), (20, 1))
    pixels = pixels_of(saved(np.dstack([grey] * 3), "PNG" if mode != "PA" else "TIFF", "LA" if mode == "PA" else mode))
    assert pixels.shape == (20, 32, 3)
    assert pixels[:, -1].min() > 230
    assert pixels[:, 0].max() < 25


def test_a_transparent_colour_of_a_palette_and_of_rgb_is_white():
    rgb = np.zeros((4, 6, 3), np.uint8)
    rgb[:, 3:] = (10, 200, 30)
    palette = saved(rgb, "PNG", "P", transparency=Image.fromarray(rgb).convert("P").getpixel((0, 0)))
    assert pixels_of(palette)[0, 0].tolist() == [255, 255, 255]
    assert pixels_of(palette)[0, 5].tolist() != [255, 255, 255]
    keyed = pixels_of(saved(rgb, "PNG", transparency=(10, 200, 30)))
    assert keyed[0, 0].tolist() == [0, 0, 0]
    assert keyed[0, 5].tolist() == [255, 255, 255]


def sixteen(values):
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    return buffer.getvalue()


def rgb_16_bit_png(values):
    """The bytes of a 16-bit RGB PNG, which Pillow reads but does not write. values: (H, W, 3) uint16."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_16_bits_become_their_upper_8():
    values = np.arange(40 * 30, dtype=np.uint16).reshape(30, 40) * 54
    expected = np.repeat((values >> 8).astype(np.uint8)[:, :, None], 3, axis=2)
    np.testing.assert_array_equal(pixels_of(sixteen(values)), expected)
    colours = np.dstack([values, values[::-1], values[:, ::-1]])
    np.testing.assert_array_equal(pixels_of(rgb_16_bit_png(colours)), (colours >> 8).astype(np.uint8)[:, :, ::-1])


def test_12_bit_values_in_16_bits_are_said_with_their_factor():
    values = np.linspace(0, 4095, 600).astype(np.uint16).reshape(20, 30)
    for data in (sixteen(values), rgb_16_bit_png(np.dstack([values] * 3))):
        (note,) = decode_image(data, "x")[1]
        assert "nearly black" in note
        assert note.endswith("multiply them by 16")
    assert decode_image(sixteen(values * 16), "x")[1] == ()
    (note,) = decode_image(sixteen(np.ones((20, 30), np.uint16)), "x")[1]
    assert note.endswith("multiply them by 32768")


def test_floating_point_pixels_are_refused():
    with pytest.raises(UserError, match="floating-point"):
        decode_image(saved(np.ones((4, 4), np.float32), "TIFF"), "x")


def test_of_several_pictures_the_first_is_read_and_said():
    frames = [Image.fromarray(smooth(seed=seed)) for seed in (0, 1, 2)]
    for kind in ("WEBP", "TIFF", "PNG"):
        buffer = io.BytesIO()
        frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], **LOSSLESS[kind])
        pixels, notes = decode_image(buffer.getvalue(), "x")
        np.testing.assert_array_equal(pixels, smooth()[:, :, ::-1])
        assert notes == ("it holds 3 pictures, of which the first is used",)


def test_junk_behind_the_end_of_a_png_is_no_damage():
    data = saved(smooth(), "PNG")
    np.testing.assert_array_equal(pixels_of(data + bytes(200_000)), smooth()[:, :, ::-1])


JPEG = saved(smooth(300, 400), "JPEG", quality=90)
RESTARTS = saved(smooth(300, 400), "JPEG", quality=90, restart_marker_rows=1)
PNG = saved(smooth(), "PNG")


def zeros_in_the_middle(data, count=300):
    middle = len(data) // 2
    return data[:middle] + bytes(count) + data[middle + count :]


def preview_behind_a_cut_picture():
    data = io.BytesIO()
    Image.fromarray(smooth(300, 400)).save(data, "MPO", save_all=True, append_images=[Image.fromarray(smooth())])
    whole = data.getvalue()
    second = whole.find(b"\xff\xd8\xff", 100)
    return whole[: second - 3000] + whole[second:]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (JPEG[:-200], "cut off in the middle"),
        (JPEG[:-2000] + b"\xff\xd9", "damaged in the middle"),  # cut, with its end marker kept
        (zeros_in_the_middle(JPEG), "damaged in the middle"),
        (RESTARTS.replace(b"\xff\xd3", b"\xff\xd5"), "damaged in the middle"),
        (preview_behind_a_cut_picture(), "JPEG picture is damaged"),
        (zeros_in_the_middle(saved(smooth(300, 400), "JPEG", "CMYK")), "damaged in the middle"),
        (zeros_in_the_middle(saved(smooth(300, 400), "JPEG", progressive=True)), "damaged in the middle"),
        (PNG[:-40], "PNG picture is cut off"),
        (PNG[: len(PNG) // 2], "PNG picture is cut off"),
        (PNG[: len(PNG) // 2] + PNG[-12:], "PNG picture is (cut off|damaged)"),
        (zeros_in_the_middle(PNG, 9), "PNG picture is damaged"),
        (saved(smooth(), "WEBP", lossless=True)[:-300], "WebP picture is"),
        (saved(smooth(), "TIFF")[:-3000], "TIFF picture is"),
        (saved(smooth(), "BMP")[:-3000], "BMP picture is cut off"),
        (b"this is no picture", r"not a JPEG, PNG, BMP, WebP or TIFF picture \(the file's first bytes are b'this is '"),
        (b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xda\x00\x02\xff\xd9", "JPEG picture is damaged: its header"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 40 + b"IEND", "PNG picture is damaged: its header"),
        (b"RIFF" + bytes(20), "WebP picture is damaged: its header"),
    ],
)
def test_damage_is_refused_by_name(data, reason):
    for read in (decode_image, inspect_image):
        with pytest.raises(UserError, match=reason) as error:
            read(data, "data/positive/7.jpg")
        assert str(error.value).startswith("data/positive/7.jpg: ")


def test_a_few_odd_bytes_between_the_parts_of_a_jpeg_are_a_note():
    table = JPEG.find(b"\xff\xdb")
    pixels, notes = decode_image(JPEG[:table] + b"abc" + JPEG[table:], "x")
    np.testing.assert_array_equal(pixels, decode_image(JPEG, "x")[0])
    assert len(notes) == 1
    assert "3 extraneous bytes" in notes[0]
    with pytest.raises(UserError, match=r"damaged in the middle \(.*150 extraneous bytes"):
        decode_image(JPEG[:table] + b"abc" * 50 + JPEG[table:], "x")


def with_size(data, height, width):
    frame = data.find(b"\xff\xc0")
    return data[: frame + 5] + struct.pack(">HH", height, width) + data[frame + 9 :]


def test_a_header_that_asks_for_too_much_is_refused_before_memory_is():
    with pytest.raises(UserError, match="megapixels"):
        decode_image(with_size(JPEG, 20000, 20000), "x")
    with pytest.raises(UserError, match="megapixels"):
        decode_image(with_size(JPEG, 13000, 14000), "x")
    with pytest.raises(UserError, match=r"header says 12000x12000 pixels, which \d+ bytes cannot hold"):
        decode_image(with_size(JPEG, 12000, 12000), "x")


def test_a_damaged_exif_block_is_a_note_and_does_not_turn():
    block = b"\xff\xe1\x00\x10Exif\0\0II*\0\xff\xff\xff\xff"
    pixels, _ = decode_image(JPEG[:2] + block + JPEG[2:], "x")
    np.testing.assert_array_equal(pixels, decode_image(JPEG, "x")[0])


def test_the_warnings_of_others_are_left_alone():
    """Recording Pillow's warnings must not swallow, or rename, what other threads warn of, for good."""
    data = saved(smooth(), "PNG")
    threads = [threading.Thread(target=lambda: [decode_image(data, "x") for _ in range(20)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.warns(UserWarning, match="ours"):
        warnings.warn("ours", stacklevel=1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
def test_the_header_alone_tells_the_upright_size(tmp_path, kind, orientation):
    exif = {"exif": exif_of(orientation)} if kind != "TIFF" else {"tiffinfo": {0x0112: orientation}}
    path = tmp_path / "a"
    path.write_bytes(saved(TURNS[orientation](smooth(30, 50)), kind, **exif))
    assert size_from_header(path) == (50, 30)
    assert inspect_image(path.read_bytes(), "a").turned == (orientation > 1)
