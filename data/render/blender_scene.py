"""The scene in Blender: objects, lamp, camera, the label pass and the picture. Needs bpy; all else here does not."""

import math
import tempfile
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix
from PIL import Image

from blender_materials import index_material, make_material

_STEPS = 32  # index k is the flat colour k / 32: far enough apart to survive 8 bits


class BlenderScene:
    """A scene ready to render.

    items: list of lists of Mesh, numbered 1, 2, ... in the label pass. surroundings: list of Mesh.
    """

    def __init__(self, items, surroundings, camera, lighting, *, width, height, samples, threads, seed):
        if len(items) >= _STEPS:
            raise ValueError(f"expected fewer than {_STEPS} items, got {len(items)}")
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.scene = bpy.context.scene
        self.materials = {}
        self.see_through, self.lamps = [], []
        for index, meshes in enumerate([surroundings, *items]):
            for mesh in meshes:
                self._add_mesh(mesh, index)
        self._add_camera(camera)
        self._add_lights(lighting)
        self._settings(width, height, samples, threads, seed)
        bpy.context.view_layer.update()

    def _link(self, name, data):
        thing = bpy.data.objects.new(name, data)
        self.scene.collection.objects.link(thing)
        return thing

    def _add_mesh(self, mesh, index):
        if id(mesh.material) not in self.materials:
            self.materials[id(mesh.material)] = make_material(mesh.material)
        data = bpy.data.meshes.new(mesh.name)
        data.from_pydata(mesh.vertices.tolist(), [], [tuple(map(int, f)) for f in mesh.faces])
        data.update()
        if mesh.uvs is not None:
            data.uv_layers.new(name="UV").data.foreach_set("uv", np.asarray(mesh.uvs, np.float32).ravel())
        if mesh.smooth:
            data.polygons.foreach_set("use_smooth", [True] * len(data.polygons))
        data.materials.append(self.materials[id(mesh.material)])
        thing = self._link(mesh.name, data)
        thing.color = (index / _STEPS, 0, 0, 1)
        if mesh.bevel:
            bevel = thing.modifiers.new("bevel", "BEVEL")
            bevel.width, bevel.segments = mesh.bevel, 3
            thing.modifiers.new("normals", "WEIGHTED_NORMAL")
        if mesh.thickness:
            thing.modifiers.new("thickness", "SOLIDIFY").thickness = mesh.thickness
        if mesh.see_through:
            # Clear sheets hardly dim a lamp, but every shadow and bounce through them costs: half of the render time.
            thing.visible_shadow = thing.visible_diffuse = False
            self.see_through.append(thing)
        if not mesh.casts_light:
            thing.visible_diffuse = thing.visible_shadow = False

    def _add_camera(self, camera):
        data = bpy.data.cameras.new("camera")
        data.sensor_fit, data.sensor_height = "VERTICAL", 24
        data.lens = 24 / (2 * math.tan(camera.field / 2))
        data.clip_start, data.clip_end = 0.1, 200
        thing = self._link("camera", data)
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = camera.axes, camera.position
        thing.matrix_world = Matrix(matrix.tolist())
        self.scene.camera = thing

    def _add_lights(self, lighting):
        world = bpy.data.worlds.new("world")
        world.use_nodes = True
        self.scene.world = world
        self.ambient = world.node_tree.nodes["Background"].inputs[1]
        world.node_tree.nodes["Background"].inputs[0].default_value = (*lighting.ambient_color, 1)
        self.ambient.default_value = lighting.ambient
        world.light_settings.ao_factor = lighting.bounced
        world.cycles.sampling_method = "NONE"  # an even glow needs no directions to aim at
        for light in lighting.lights:
            data = bpy.data.lights.new("lamp", light.kind.upper())
            data.energy, data.color = light.power, light.color
            if light.kind == "point":
                data.shadow_soft_size, data.use_soft_falloff = light.size, False
            else:
                data.size = light.size
            thing = self._link("lamp", data)
            thing.location, thing.rotation_euler = light.position, light.turn
            # A lamp lights the scene; what is to be seen of it is a mesh.
            thing.visible_camera = thing.visible_transmission = False
            self.lamps.append(thing)

    def _settings(self, width, height, samples, threads, seed):
        render, cycles = self.scene.render, self.scene.cycles
        render.engine = "CYCLES"
        render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
        render.threads_mode, render.threads, render.dither_intensity = "FIXED", threads, 0
        cycles.device, cycles.samples, cycles.seed = "CPU", samples, seed % 2**31
        cycles.use_adaptive_sampling = False
        cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
        cycles.denoising_input_passes, cycles.denoising_prefilter = "RGB_ALBEDO_NORMAL", "FAST"
        cycles.max_bounces = cycles.diffuse_bounces = cycles.transmission_bounces = 8
        cycles.glossy_bounces, cycles.transparent_max_bounces = 4, 24
        cycles.use_light_tree = cycles.caustics_reflective = cycles.caustics_refractive = False
        # After the first bounce the even glow of the surroundings stands in for the rest: half of the time for almost
        # the same light in a white box.
        cycles.use_fast_gi, cycles.fast_gi_method, cycles.ao_bounces_render = True, "REPLACE", 1
        cycles.sample_clamp_indirect, cycles.blur_glossy = 6.0, 0.5

    def _render(self, file_format, depth, view):
        """Render into a temporary file, hand its path to `view`, return what that returns."""
        settings = self.scene.render.image_settings
        settings.file_format, settings.color_mode, settings.color_depth = file_format, "RGB", depth
        with tempfile.TemporaryDirectory() as folder:
            self.scene.render.filepath = str(Path(folder) / "picture")
            self.scene.render.use_file_extension = False
            bpy.ops.render.render(write_still=True)
            return view(self.scene.render.filepath)

    def index_pass(self):
        """(H, W) int: number of the item visible at each pixel's centre, 0 for none. Leaves the scene unusable for
        the picture, so render that first or build the scene again."""
        cycles, view = self.scene.cycles, self.scene.view_settings
        bpy.context.view_layer.material_override = index_material()
        for thing in self.see_through + self.lamps:
            thing.hide_render = True
        self.ambient.default_value = 0
        cycles.samples, cycles.max_bounces, cycles.filter_width, cycles.use_denoising = 1, 0, 0.01, False
        view.view_transform, view.look = "Raw", "None"

        def read(path):
            with Image.open(path) as picture:
                return np.asarray(picture.convert("RGB"))[..., 0]

        return np.round(self._render("PNG", "8", read) / 255.0 * _STEPS).astype(int)

    def linear_picture(self):
        """(H, W, 3) float32 linear RGB, denoised."""

        def read(path):
            image = bpy.data.images.load(path)
            image.colorspace_settings.name = "Non-Color"
            pixels = np.empty(image.size[0] * image.size[1] * image.channels, np.float32)
            image.pixels.foreach_get(pixels)
            return pixels.reshape(image.size[1], image.size[0], image.channels)[::-1, :, :3].copy()

        return self._render("OPEN_EXR", "32", read)
