"""From linear light to the picture a phone would save: white balance, exposure, curve, lens, noise."""

import cv2
import numpy as np

LAMPLIGHT = (1.18, 0.88, 0.57)  # tint of the middle of the picture: what a phone leaves of the lamp's warmth
MIDDLE = 0.23  # linear value that the median of the picture gets


def develop(linear, rng, *, tint=LAMPLIGHT, dim=False):
    """(H, W, 3) float linear RGB of any exposure -> (H, W, 3) uint8 sRGB.

    tint: colour that the middle of the picture gets, None to leave all colours. dim: darker and with more noise.
    """
    linear = np.maximum(np.asarray(linear, np.float32), 0)
    stops = rng.uniform(-0.25, 0.25) - (1.1 if dim else 0)
    balanced = linear if tint is None else _white_balanced(linear, tint, rng)
    picture = _exposed(_flattened(balanced), stops)
    return _lens_and_sensor(255 * _curve(picture), rng, noise=2.2 if dim else 1.0)


def _white_balanced(linear, tint, rng):
    """Scale the channels so that the middle of the picture gets the tint, give or take."""
    h, w = linear.shape[:2]
    middle = np.median(linear[h // 5 : h * 4 // 5, w // 5 : w * 4 // 5].reshape(-1, 3), axis=0)
    tint = np.array(tint) * (1 + np.array([1, 0, -1]) * rng.uniform(-0.06, 0.04))
    return linear * (tint * middle[1] / np.maximum(middle, 1e-6)).astype(np.float32)


def _flattened(picture):
    """A phone evens out the large scale: lift what is far darker than its surroundings, hold back what is brighter."""
    h, w = picture.shape[:2]
    level = np.log(np.maximum(picture.mean(-1), 1e-3)).astype(np.float32)
    middle = float(np.median(level[h // 5 : h * 4 // 5, w // 5 : w * 4 // 5]))
    base = cv2.GaussianBlur(np.clip(level, middle - 0.9, middle + 1.6), (0, 0), w / 7.0)
    return picture * np.exp(-0.42 * (base - base.mean()))[..., None]


def _exposed(picture, stops):
    h, w = picture.shape[:2]
    median = np.median(picture[h // 8 : h * 7 // 8, w // 6 : w * 5 // 6].mean(-1))
    return picture * (MIDDLE * 2**stops / max(float(median), 1e-6))


def _curve(x):
    """Shoulder for the highlights, sRGB, then a mild S for contrast; 0..1."""
    x = np.where(x < 0.30, x, 0.30 + 0.70 * (1 - np.exp(-(np.maximum(x, 0.30) - 0.30) / 0.95)))
    y = np.where(x <= 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-6) ** (1 / 2.4) - 0.055)
    y = np.clip(y, 0, 1)
    return (y + 0.30 * (y * y * (3 - 2 * y) - y)).astype(np.float32)


def _lens_and_sensor(picture, rng, noise):
    """Glow round the lamp, veil, slight blur and sharpening, vignette, grain. picture: float 0..255."""
    h, w = picture.shape[:2]
    glow = cv2.GaussianBlur(np.maximum(picture - 225, 0), (0, 0), w / 40.0) * 1.2
    picture = picture + glow + cv2.GaussianBlur(picture, (0, 0), w / 25.0) * 0.025
    picture = cv2.GaussianBlur(picture, (0, 0), 0.55)
    picture = picture + 0.35 * (picture - cv2.GaussianBlur(picture, (0, 0), 1.2))
    rows, columns = np.mgrid[0:h, 0:w]
    radius = ((columns - w / 2) ** 2 + (rows - h / 2) ** 2) / ((w / 2) ** 2 + (h / 2) ** 2)
    picture = picture * (1 - 0.10 * radius)[..., None]
    grain = 0.6 * rng.normal(0, 1, picture.shape) + rng.normal(0, 1, (h, w, 1))
    strength = noise * (1.2 + 2.2 * np.sqrt(np.clip(picture, 0, 255) / 255.0))
    picture = picture + cv2.GaussianBlur(grain.astype(np.float32), (0, 0), 0.6) * strength
    return np.clip(picture, 0, 255).round().astype(np.uint8)
