"""Drawing of products as cut-outs: turned profiles, cuboids in weak perspective, shaded peels, pouches.

Each function takes the material of a design (a dictionary that `products.Design` makes), a random generator for the
pose and the longer side in pixels, and returns a cut-out, (H, W, 4) uint8: BGR and alpha, not premultiplied.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from resources.train_alexnet import labels

PROFILE_ROWS = 96
"""Samples of a turned profile, from top to bottom."""


def tilted(sprite: NDArray, angle: float) -> NDArray:
    height, width = sprite.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    cos, sin = abs(matrix[0, 0]), abs(matrix[0, 1])
    new_width, new_height = int(height * sin + width * cos) + 2, int(height * cos + width * sin) + 2
    matrix[:, 2] += [(new_width - width) / 2, (new_height - height) / 2]
    return cv2.warpAffine(sprite, matrix, (new_width, new_height), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0))


def _light(rng: np.random.Generator) -> NDArray:
    vector = np.array([rng.normal(0, 0.6), -rng.uniform(0.1, 1.0), rng.uniform(0.4, 1.0)])
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _shade(
    colour: NDArray, x: NDArray, y: NDArray, z: NDArray, rng: np.random.Generator, gloss: float, width: float
) -> NDArray:
    """Light a surface `colour` (H, W, 3) float32 with unit normals x, y, z (H, W): Lambert, ambient, one highlight."""
    light = _light(rng)
    ambient = rng.uniform(0.35, 0.7)
    lambert = np.maximum(x * light[0] + y * light[1] + z * light[2], 0)
    half = light + np.float32([0, 0, 1])
    half /= np.linalg.norm(half)
    spark = np.maximum(x * half[0] + y * half[1] + z * half[2], 0) ** (1.5 / width**2)
    return colour * (ambient + (1.1 - ambient) * lambert)[..., None] + (255 * gloss * spark)[..., None]


def _pack(colour: NDArray, alpha: NDArray) -> NDArray:
    return np.dstack([np.clip(colour, 0, 255), np.clip(alpha, 0, 1) * 255]).astype(np.uint8)


def turned(m: dict, rng: np.random.Generator, size: float) -> NDArray:
    aspect = m["aspect"] * rng.uniform(0.95, 1.05)
    height = max(12, int(size if aspect >= 1 else size * aspect))
    radius = max(4.0, height / aspect / 2)
    pitch = rng.uniform(0.0, 0.3) if rng.random() < 0.8 else rng.uniform(0.3, 0.6)
    lid = int(np.ceil(pitch * radius * m["profile"][0]))
    rows, columns = height + lid + int(np.ceil(pitch * radius)) + 2, int(2 * radius) + 4
    x = (np.arange(columns, dtype=np.float32) - columns / 2 + 0.5)[None, :] / radius
    y = np.arange(rows, dtype=np.float32)[:, None] - lid
    guess = np.interp(np.clip(y[:, 0] / height, 0, 1), np.linspace(0, 1, PROFILE_ROWS), m["profile"]).astype(
        np.float32
    )[:, None]
    bulge = np.sqrt(np.maximum(guess**2 - x**2, 0))
    v = (y - pitch * radius * bulge) / height  # rows bend down in the middle: the eye is above
    index = np.clip(v * (PROFILE_ROWS - 1), 0, PROFILE_ROWS - 1).astype(np.int32)
    r = m["profile"][index]
    u = np.clip(x / r, -1, 1)
    inside = (np.abs(x) <= r) & (v <= 1) & (v >= 0)
    z = np.sqrt(1 - u**2)
    texture = m["texture"]
    turn = rng.uniform(0, 1)
    column = ((np.arcsin(u) / (2 * np.pi) + turn) % 1.0 * (texture.shape[1] - 1)).astype(np.int32)
    top, bottom = m["label_span"]
    row = np.clip((v - top) / (bottom - top) * (texture.shape[0] - 1), 0, texture.shape[0] - 1).astype(np.int32)
    printed = (v >= top) & (v <= bottom)
    colour = np.where(printed[..., None], texture[row, column].astype(np.float32), m["body"])
    cap = v < m["cap_span"]
    colour = np.where(cap[..., None], m["cap"], colour)
    slope = np.gradient(m["profile"])[index] * PROFILE_ROWS / aspect / 2
    norm = 1 / np.sqrt(1 + slope**2)
    alpha = inside.astype(np.float32)
    if m["glass"]:
        clear = ~printed & ~cap
        level = rng.uniform(0.1, 0.5)
        density = np.where(v > level, 0.85, 0.55) + 0.2 * np.abs(u) ** 3
        alpha = np.where(clear, alpha * np.clip(density, 0, 1), alpha)
        colour = np.where(clear[..., None], colour * (1.1 - 0.6 * u**2)[..., None], colour)
    colour = _shade(colour, u * norm, -slope * norm, z * norm, rng, m["gloss"], m["gloss_width"])
    if m["gloss"] > 0.3:  # a vertical strip of window light
        place, width = rng.uniform(-0.8, 0.8), rng.uniform(0.03, 0.12)
        colour += (120 * m["gloss"] * np.exp(-(((u - place) / width) ** 2)) * inside)[..., None]
    if lid > 1:
        ellipse = (x / m["profile"][0]) ** 2 + (y / (pitch * radius * m["profile"][0] + 1e-6)) ** 2 <= 1
        shade = 0.8 + 0.3 * rng.random()
        ring = (x / m["profile"][0]) ** 2 + (y / (pitch * radius * m["profile"][0] + 1e-6)) ** 2 > 0.8
        colour = np.where(ellipse[..., None], m["cap"] * np.where(ring, 0.8, shade)[..., None], colour)
        alpha = np.maximum(alpha, ellipse)
    return _pack(colour, cv2.GaussianBlur(alpha.astype(np.float32), (3, 3), 0.5) * (alpha > 0))


def cuboid(m: dict, rng: np.random.Generator, size: float) -> NDArray:
    half = np.array(m["size"]) / 2
    corners = np.array([[sx, sy, sz] for sx in (-1, 1) for sy in (-1, 1) for sz in (-1, 1)]) * half
    yaw, pitch = rng.uniform(-1.0, 1.0) * rng.uniform(0.2, 1.2), rng.uniform(0.1, 0.7)
    if rng.random() < 0.15:
        yaw += np.pi / 2
    spin = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    nod = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    turned = corners @ (nod @ spin).T  # x right, y down, z towards the eye
    distance = 3.0 * np.linalg.norm(half) * rng.uniform(1.2, 3.0)
    flat = turned[:, :2] * (distance / (distance - turned[:, 2:]))
    flat -= flat.min(0)
    flat *= size / flat.max()
    width, height = int(flat[:, 0].max()) + 3, int(flat[:, 1].max()) + 3
    flat += 1
    colour, alpha = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
    light = _light(rng)
    ambient = rng.uniform(0.4, 0.7)
    faces = [
        ((1, 5, 7, 3), (0, 0, 1), 0),
        ((4, 0, 2, 6), (0, 0, -1), 0),
        ((5, 4, 6, 7), (1, 0, 0), 1),
        ((0, 1, 3, 2), (-1, 0, 0), 1),
        ((0, 4, 5, 1), (0, -1, 0), 2),
    ]
    for index, normal, face in faces:  # corners: upper left, upper right, lower right, lower left
        facing = nod @ spin @ np.array(normal)
        quad = flat[list(index)].astype(np.float32)
        if cv2.contourArea(quad) < 4 or facing[2] < 0.02:
            continue
        texture = m["faces"][face]
        shade = ambient + (1.15 - ambient) * max(0.0, float(facing @ light))
        texture = np.clip(texture * np.float32(shade), 0, 255).astype(np.uint8)
        if face == 2 and m["film"]:
            glare = np.clip(labels.noise(rng, *texture.shape[:2], first=4, octaves=3) - 0.8, 0, 1)[..., None]
            texture = np.clip(texture * 0.9 + 20 + 200 * glare, 0, 255).astype(np.uint8)
        h, w = texture.shape[:2]
        matrix = cv2.getPerspectiveTransform(np.float32([[0, 0], [w, 0], [w, h], [0, h]]), quad)
        if quad.max() < w * 0.6:
            texture = cv2.resize(texture, (w // 2, h // 2), interpolation=cv2.INTER_AREA)
            matrix = matrix @ np.diag([2.0, 2.0, 1.0])
        picture = cv2.warpPerspective(
            texture, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        mask = np.zeros((height, width), np.uint8)
        cv2.fillConvexPoly(mask, np.round(quad * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
        colour = np.where(mask[..., None] > 127, picture, colour)
        alpha = np.maximum(alpha, mask)
        cv2.polylines(
            colour, [np.round(quad).astype(np.int32)], True, (m["colours"][0] * shade * 0.7).tolist(), 1, cv2.LINE_AA
        )
    return np.dstack([colour, alpha])


def fruit(m: dict, rng: np.random.Generator, size: float) -> NDArray:
    aspect = m["aspect"]
    half_y, half_x = (size / 2, size / 2 / aspect) if aspect >= 1 else (size / 2 * aspect, size / 2)
    reach_y, reach_x = int(half_y * 1.2) + 2, int(half_x * 1.2) + 2
    y = np.arange(-reach_y, reach_y + 1, dtype=np.float32)[:, None] / half_y
    x = np.arange(-reach_x, reach_x + 1, dtype=np.float32)[None, :] / half_x
    x = x * (1 + m["pointed"] * y * 0.6)
    spin = rng.uniform(0, 2 * np.pi)
    rho = (np.abs(x) ** m["power"] + np.abs(y) ** m["power"]) ** (1 / m["power"])
    rho = rho * (1 + m["ribs"] * np.cos(m["rib_count"] * np.arctan2(y, x) + spin))
    inside = np.clip((1 - rho) * min(half_x, half_y) + 0.5, 0, 1)
    z = np.sqrt(np.maximum(1 - np.minimum(rho, 1) ** 2, 0))
    tilt = rng.uniform(-0.9, 0.9)  # turn the axis of the fruit towards the eye
    polar = np.clip(y * np.cos(tilt) - z * np.sin(tilt), -1, 1)
    depth = y * np.sin(tilt) + z * np.cos(tilt)
    texture = m["texture"]
    row = ((np.arcsin(polar) / np.pi + 0.5) * (texture.shape[0] - 1)).astype(np.int32)
    longitude = np.arctan2(x + 0 * depth, depth)
    column = (((longitude + spin) / (2 * np.pi)) % 1.0 * (texture.shape[1] - 1)).astype(np.int32)
    length = np.sqrt(x**2 + y**2 + z**2) + 1e-6
    groove = 1 - 2.5 * m["ribs"] * (1 - np.cos(m["rib_count"] * longitude + spin))
    colour = texture[row, column] * np.clip(groove, 0.3, 1)[..., None]
    colour = _shade(
        colour.astype(np.float32), x / length, y / length, z / length, rng, m["gloss"] * 0.7, m["gloss_width"] * 1.5
    )
    if m["stem"]:
        mark = (polar < -0.93) & (inside > 0)
        colour = np.where(mark[..., None], m["colours"][1] * 0.5, colour)
    return _pack(colour, inside)


def pouch(m: dict, rng: np.random.Generator, size: float) -> NDArray:
    aspect = m["aspect"]
    height, width = (int(size), int(size / aspect)) if aspect >= 1 else (int(size * aspect), int(size))
    height, width = max(height, 12), max(width, 12)
    y = np.linspace(-1.05, 1.05, height, dtype=np.float32)[:, None]
    x = np.linspace(-1.05, 1.05, width, dtype=np.float32)[None, :]
    wobble = m["crimp"] * labels.noise(rng, height, width, first=3, octaves=2)
    rho = (np.abs(x) ** m["power"] + np.abs(y) ** m["power"]) ** (1 / m["power"]) + wobble
    inside = np.clip((1 - rho) * min(height, width) / 2 + 0.5, 0, 1)
    relief = np.maximum(1 - x**2, 0) * 0.5 + m["wrinkle"] * labels.noise(rng, height, width, first=4, octaves=3)
    gy, gx = np.gradient(relief * min(height, width) * 0.5)
    length = np.sqrt(gx**2 + gy**2 + 1)
    texture = cv2.resize(m["texture"], (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    colour = _shade(texture, -gx / length, -gy / length, 1 / length, rng, m["gloss"], m["gloss_width"])
    return _pack(colour, inside)
