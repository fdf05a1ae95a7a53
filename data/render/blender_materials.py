"""Shader nodes for the materials in `material.py`. Needs bpy."""

import bpy
import numpy as np


def make_material(spec):
    """bpy material for a Material."""
    material = bpy.data.materials.new(spec.name)
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    shader = {"opaque": _opaque, "thin": _thin, "glass": _glass, "glow": _glow}[spec.kind](tree, spec)
    output = tree.nodes.new("ShaderNodeOutputMaterial")
    tree.links.new(shader, output.inputs["Surface"])
    if spec.kind == "glow":
        # A glowing mesh would be hundreds of small lamps; the light comes from one round lamp in its place.
        material.cycles.emission_sampling = "NONE"
    return material


def index_material():
    """Flat colour taken from the object, for the label pass."""
    material = bpy.data.materials.new("index")
    material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    info, glow, output = (
        tree.nodes.new(kind) for kind in ("ShaderNodeObjectInfo", "ShaderNodeEmission", "ShaderNodeOutputMaterial")
    )
    tree.links.new(info.outputs["Color"], glow.inputs[0])
    tree.links.new(glow.outputs[0], output.inputs["Surface"])
    return material


def _image(name, pixels):
    """bpy image from (H, W, 3) uint8 sRGB."""
    height, width = pixels.shape[:2]
    rgba = np.ones((height, width, 4), np.float32)
    rgba[..., :3] = pixels[::-1] / 255.0
    image = bpy.data.images.new(name, width, height)
    image.pixels.foreach_set(rgba.ravel())
    image.update()
    image.pack()
    return image


def _bump(tree, coordinates, scale, strength, distance, cells=False):
    noise = tree.nodes.new("ShaderNodeTexVoronoi" if cells else "ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = scale
    tree.links.new(coordinates.outputs["Object"], noise.inputs["Vector"])
    bump = tree.nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value = strength
    bump.inputs["Distance"].default_value = distance
    tree.links.new(noise.outputs[0], bump.inputs["Height"])
    return bump.outputs["Normal"]


def _opaque(tree, spec):
    shader = tree.nodes.new("ShaderNodeBsdfPrincipled")
    for name, value in (
        ("Base Color", (*spec.color, 1)),
        ("Roughness", spec.roughness),
        ("Metallic", spec.metallic),
        ("Specular IOR Level", spec.specular),
        ("Coat Weight", spec.coat),
        ("Coat Roughness", 0.08),
    ):
        shader.inputs[name].default_value = value
    coordinates = tree.nodes.new("ShaderNodeTexCoord")
    if spec.image is not None:
        texture = tree.nodes.new("ShaderNodeTexImage")
        texture.image = _image(spec.name, spec.image)
        tree.links.new(coordinates.outputs["UV"], texture.inputs["Vector"])
        tree.links.new(texture.outputs["Color"], shader.inputs["Base Color"])
    elif spec.second_color is not None:
        noise, ramp = tree.nodes.new("ShaderNodeTexNoise"), tree.nodes.new("ShaderNodeValToRGB")
        for name, value in (("Scale", spec.second_scale), ("Detail", 3), ("Roughness", 0.65)):
            noise.inputs[name].default_value = value
        for element, place, color in zip(
            ramp.color_ramp.elements, (0.38, 0.68), (spec.color, spec.second_color), strict=True
        ):
            element.position, element.color = place, (*color, 1)
        tree.links.new(coordinates.outputs["Object"], noise.inputs["Vector"])
        tree.links.new(noise.outputs["Fac"], ramp.inputs["Fac"])
        tree.links.new(ramp.outputs["Color"], shader.inputs["Base Color"])
    if spec.bump:
        normal = _bump(tree, coordinates, spec.bump_scale, spec.bump, spec.bump_distance, spec.bump_cells)
        tree.links.new(normal, shader.inputs["Normal"])
    return shader.outputs[0]


def _maximum(tree, *values):
    result = values[0]
    for value in values[1:]:
        node = tree.nodes.new("ShaderNodeMath")
        node.operation = "MAXIMUM"
        tree.links.new(result, node.inputs[0])
        tree.links.new(value, node.inputs[1])
        result = node.outputs[0]
    return result


def _mix(tree, factor, first, second):
    node = tree.nodes.new("ShaderNodeMixShader")
    if isinstance(factor, float):
        node.inputs[0].default_value = factor
    else:
        tree.links.new(factor, node.inputs[0])
    tree.links.new(first, node.inputs[1])
    tree.links.new(second, node.inputs[2])
    return node.outputs[0]


def _thin(tree, spec):
    """Straight-through light plus gloss on front faces. Shadow and diffuse rays pass: no caustics, hence no noise."""
    through, gloss = tree.nodes.new("ShaderNodeBsdfTransparent"), tree.nodes.new("ShaderNodeBsdfGlossy")
    through.inputs[0].default_value = (*spec.color, 1)
    gloss.inputs["Roughness"].default_value = spec.roughness
    fresnel = tree.nodes.new("ShaderNodeFresnel")
    fresnel.inputs["IOR"].default_value = spec.ior
    if spec.bump:
        coordinates = tree.nodes.new("ShaderNodeTexCoord")
        normal = _bump(tree, coordinates, spec.bump_scale, spec.bump, 0.05)
        tree.links.new(normal, gloss.inputs["Normal"])
        tree.links.new(normal, fresnel.inputs["Normal"])
    geometry, path = tree.nodes.new("ShaderNodeNewGeometry"), tree.nodes.new("ShaderNodeLightPath")
    # On back faces of a thin sheet Fresnel would mean total reflection, and the drawer would turn black.
    dull = _maximum(tree, geometry.outputs["Backfacing"], path.outputs["Is Shadow Ray"], path.outputs["Is Diffuse Ray"])
    glossy = tree.nodes.new("ShaderNodeMath")
    glossy.operation = "SUBTRACT"
    glossy.use_clamp = True
    tree.links.new(fresnel.outputs[0], glossy.inputs[0])
    tree.links.new(dull, glossy.inputs[1])
    shader = _mix(tree, glossy.outputs[0], through.outputs[0], gloss.outputs[0])
    if spec.haze:
        milky = tree.nodes.new("ShaderNodeBsdfDiffuse")
        milky.inputs[0].default_value = (0.9, 0.9, 0.9, 1)
        shader = _mix(tree, float(spec.haze), shader, milky.outputs[0])
    return shader


def _glass(tree, spec):
    """Refracting solid; shadow and diffuse rays go straight through with a tint."""
    glass, through = tree.nodes.new("ShaderNodeBsdfGlass"), tree.nodes.new("ShaderNodeBsdfTransparent")
    glass.inputs["IOR"].default_value = spec.ior
    glass.inputs["Roughness"].default_value = 0.0
    glass.inputs["Color"].default_value = (*[c**0.5 for c in spec.color], 1)
    through.inputs[0].default_value = (*[c**0.18 for c in spec.color], 1)
    path = tree.nodes.new("ShaderNodeLightPath")
    straight = _maximum(tree, path.outputs["Is Shadow Ray"], path.outputs["Is Diffuse Ray"])
    return _mix(tree, straight, glass.outputs[0], through.outputs[0])


def _glow(tree, spec):
    glow = tree.nodes.new("ShaderNodeEmission")
    glow.inputs[0].default_value = (*spec.color, 1)
    glow.inputs[1].default_value = spec.strength
    return glow.outputs[0]
