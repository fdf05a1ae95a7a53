"""Label pictures, drawn by code: invented brands, and the one font inside Pillow. Each returns an RGB picture."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont


def _sheet(width, height, color):
    picture = Image.new("RGB", (width, height), color)
    return picture, ImageDraw.Draw(picture)


def _text(draw, xy, words, size, fill, bold=0):
    draw.text(
        xy, words, font=ImageFont.load_default(size=size), fill=fill, anchor="mm", stroke_width=bold, stroke_fill=fill
    )


def _barcode(draw, x, y, width, height, rng):
    draw.rectangle([x, y, x + width, y + height], fill="white")
    left = x + 4
    while left < x + width - 4:
        bar, gap = (int(v) for v in rng.integers(1, 5, 2))
        draw.rectangle([left, y + 3, left + bar - 1, y + height - 5], fill="black")
        left += bar + gap


def _small_print(draw, x, y, width, rows, size, fill, rng):
    for row in range(rows):
        letters = rng.integers(0, 11, int(width / size * 1.9))
        words = "".join("aeinrst lmo"[i] for i in letters)
        draw.text((x, y + row * size * 1.25), words, font=ImageFont.load_default(size=size), fill=fill)


def _peach(draw, x, y, r):
    for f in np.linspace(0, 1, 14):
        color = (int(216 + 34 * f), int(84 + 80 * f), int(44 + 40 * f))
        k, dx, dy = r * (1 - 0.8 * f), -0.15 * r * f, -0.2 * r * f
        draw.ellipse([x - k + dx, y - k + dy, x + k + dx, y + k + dy], fill=color)
    draw.polygon([(x, y - r * 0.9), (x + r * 0.9, y - r * 1.45), (x + r * 0.55, y - r * 0.75)], fill=(74, 130, 52))


def joghurt_tub(rng):
    """Wraps once round the tub: two fronts, half a turn apart."""
    picture, d = _sheet(2048, 760, (243, 234, 214))
    for x in (512, 1536):
        d.polygon([(x - 330, 40), (x - 230, 8), (x - 170, 70), (x - 290, 120)], fill=(84, 138, 66))
        _text(d, (x, 175), "Almweide", 118, (28, 38, 36), 4)
        _text(d, (x - 150, 290), "Peach", 52, (60, 52, 44), 1)
        _text(d, (x - 150, 345), "Joghurt", 52, (60, 52, 44), 1)
        d.ellipse([x - 165, 400, x - 65, 500], fill=(28, 38, 36))
        _text(d, (x - 115, 450), "3.5%", 36, "white")
        for dx, y, r in ((120, 470, 100), (-190, 600, 84), (300, 590, 76)):
            _peach(d, x + dx, y, r)
        _text(d, (x + 40, 690), "500 g  e", 40, (60, 52, 44))
        _small_print(d, x + 400, 240, 190, 11, 20, (90, 84, 80), rng)
        _barcode(d, x + 420, 560, 150, 100, rng)
    return picture


def ketchup_label(rng):
    """Front of the red bottle."""
    w = 512
    picture, d = _sheet(w, 640, (240, 238, 228))
    d.rectangle([0, 0, w, 640], outline=(190, 160, 90), width=16)
    d.rectangle([60, 70, w - 60, 250], fill=(24, 70, 140))
    _text(d, (w / 2, 160), "RUBINO", 100, (245, 240, 225), 3)
    d.ellipse([150, 280, 362, 480], fill=(196, 30, 22))
    d.ellipse([190, 310, 250, 360], fill=(230, 92, 70))
    d.polygon([(256, 300), (200, 262), (256, 280), (310, 258)], fill=(60, 120, 40))
    _text(d, (w / 2, 545), "TOMATO", 72, (150, 20, 16), 3)
    _text(d, (w / 2, 600), "KETCHUP", 46, (150, 20, 16), 1)
    return picture


def back_label(rng):
    """Back of a bottle: small print and a bar code on a dark sheet."""
    picture, d = _sheet(512, 560, (36, 30, 24))
    d.rectangle([30, 60, 300, 500], fill=(226, 222, 208))
    _small_print(d, 44, 80, 240, 16, 20, (30, 28, 26), rng)
    _small_print(d, 320, 70, 170, 8, 18, (210, 190, 140), rng)
    _barcode(d, 320, 300, 165, 190, rng)
    return picture


def mustard_label(rng):
    """Front of the yellow bottle."""
    w, h = 512, 560
    picture, d = _sheet(w, h, (46, 34, 20))
    d.rectangle([14, 14, w - 14, h - 14], outline=(218, 176, 60), width=10)
    _text(d, (w / 2, 120), "Senfmeister", 82, (236, 200, 70), 2)
    d.ellipse([120, 190, 392, 380], fill=(150, 40, 24))
    _text(d, (w / 2, 285), "MUSTARD", 56, (250, 235, 190), 2)
    _text(d, (w / 2, 440), "yellow & mild", 54, (236, 222, 190))
    _small_print(d, 90, 490, 330, 2, 20, (200, 180, 140), rng)
    return picture


def water_label(rng):
    """Slanted label on the bottle's shoulder."""
    picture, d = _sheet(640, 300, (222, 196, 60))
    d.polygon([(0, 0), (640, 0), (640, 90), (0, 40)], fill=(16, 60, 36))
    d.ellipse([130, 40, 510, 280], fill=(20, 84, 54), outline=(236, 226, 160), width=10)
    _text(d, (320, 165), "Quellin", 104, (244, 240, 215), 3)
    return picture


def egg_box_lid(rng):
    """Top of the cardboard box, with the grain of recycled paper."""
    picture, d = _sheet(1500, 460, (191, 170, 146))
    d.rectangle([40, 60, 560, 400], fill=(72, 112, 62))
    _text(d, (300, 170), "LANDHOF", 104, (236, 228, 206), 3)
    _text(d, (300, 290), "12 fresh eggs", 66, (236, 228, 206), 1)
    d.ellipse([700, 110, 960, 360], fill=(236, 236, 228))
    d.ellipse([775, 180, 885, 290], fill=(238, 176, 40))
    _barcode(d, 1200, 120, 220, 150, rng)
    _small_print(d, 1010, 110, 170, 8, 24, (70, 60, 50), rng)
    _small_print(d, 1200, 300, 230, 3, 24, (70, 60, 50), rng)
    grain = np.asarray(picture, np.float32) * rng.normal(1, 0.04, (460, 1500, 1))
    return Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))


def egg_box_stamp(rng):
    """Ink on the box's side."""
    picture, d = _sheet(600, 130, (188, 168, 146))
    _text(d, (300, 42), f"BEST BEFORE {rng.integers(1, 29):02d}/{rng.integers(1, 13):02d}", 52, (44, 38, 34), 1)
    _text(d, (300, 98), f"{rng.integers(1000, 9999)} 1107 L3", 44, (44, 38, 34))
    return picture.filter(ImageFilter.GaussianBlur(1))


def mushroom_label(rng):
    """Sticker on the tray's film."""
    picture, d = _sheet(600, 260, (244, 244, 240))
    d.rectangle([0, 0, 600, 90], fill=(44, 120, 170))
    _text(d, (300, 46), "CHAMPIGNONS", 68, "white", 2)
    d.ellipse([30, 120, 190, 230], fill=(90, 150, 70))
    _text(d, (110, 175), "BIO", 56, "white", 2)
    _small_print(d, 220, 120, 180, 5, 20, (60, 60, 60), rng)
    _barcode(d, 430, 120, 150, 110, rng)
    return picture


def squash_sticker(rng):
    """Round sticker, yellow or white."""
    yellow = rng.random() < 0.5
    picture, d = _sheet(200, 200, (236, 206, 40) if yellow else (232, 232, 226))
    d.rectangle([0, 70, 200, 135], fill=(30, 90, 50) if yellow else (40, 70, 150))
    _text(d, (100, 102), "FRESH", 50, "white", 1)
    _text(d, (100, 40), "4750", 40, (20, 50, 30))
    _text(d, (100, 165), "acorn", 34, (20, 50, 30))
    return picture


def type_plate(rng):
    """The maker's notice on the refrigerator's wall: print on the wall itself."""
    picture, d = _sheet(420, 640, (226, 224, 216))
    _small_print(d, 20, 20, 360, 15, 20, (50, 50, 50), rng)
    _small_print(d, 20, 440, 200, 5, 20, (50, 50, 50), rng)
    d.ellipse([290, 470, 380, 560], outline=(50, 50, 50), width=8)
    return picture


def lamp_panel(rng):
    """Front of the lamp housing: scale of the thermostat."""
    picture, d = _sheet(600, 260, (150, 149, 146))
    d.ellipse([330, 40, 510, 220], outline=(60, 60, 60), width=5)
    for x, word in ((300, "cold"), (545, "colder")):
        _text(d, (x, 205), word, 30, (50, 50, 50))
    _small_print(d, 470, 16, 110, 2, 18, (60, 60, 60), rng)
    return picture


def drawer_title(rng):
    """Print on the drawer cover's front edge."""
    picture, d = _sheet(300, 60, (209, 209, 204))
    _text(d, (150, 30), "Crisper", 44, (80, 80, 80))
    return picture


def used_wall(rng):
    """White plastic after some years: uneven, a few smears. A picture costs far less time than noise shaders."""
    h, w = 384, 768
    coarse = rng.normal(0, 1, (6, 12, 3)) * (0.4, 0.5, 0.9) + rng.normal(0, 1.2, (6, 12, 1))
    field = np.clip(128 + 24 * coarse, 0, 255).astype(np.uint8)
    field = np.asarray(Image.fromarray(field).resize((w, h), Image.BICUBIC), np.float32) - 128
    picture = Image.fromarray(np.clip((229, 226, 221) + field * 0.12, 0, 255).astype(np.uint8))
    d = ImageDraw.Draw(picture)
    for _ in range(26):
        x, y = rng.integers(0, w), rng.integers(0, h)
        dx, dy, shade = rng.integers(-26, 26), rng.integers(-10, 10), int(rng.integers(196, 218))
        d.line([x, y, x + dx, y + dy], fill=(shade, shade - 5, shade - 14), width=int(rng.integers(1, 4)))
    return picture.filter(ImageFilter.GaussianBlur(1.5))
