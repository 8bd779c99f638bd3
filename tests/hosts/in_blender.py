"""What the tests do inside Blender: `python in_blender.py FUNCTION ARGUMENTS ANSWER`.

Run by the Python that has bpy, never imported by a test. It installs the extension from its zip as
an artist does, calls a function of this module and writes what that returns, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from blender_nodes import OUTPUT, as_float_exr, bpy, composited, new_tree, tree_there

MODULE = "bl_ext.user_default.rde_roto"
PATIENCE_S = 120

Asked = dict[str, str]

PASS, MINE = {"PASS_THROUGH"}, {"RUNNING_MODAL"}  # what becomes of an event


def install(asked: Asked) -> None:
    """Edit > Preferences > Get Extensions > Install from Disk; without a zip, switched on."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if asked["zip"]:
        bpy.ops.extensions.package_install_files(
            filepath=asked["zip"], repo="user_default", enable_on_install=True
        )
    else:
        bpy.ops.preferences.addon_enable(module=MODULE)


def demo_shot(asked: Asked) -> Any:
    """The demo shot in the panel, with the scene fitted to it; nothing is asked of the engine."""
    shot = bpy.context.scene.rde_roto
    shot.plate = f"{asked['demo']}/plate/demo.####.exr"
    shot.preset, shot.out = "draft", f"{asked['folder']}/mattes"
    bpy.ops.rde_roto.fit_scene()
    shot.current.name = "robot"
    return shot


def keyframe_of_truth(asked: Asked, shot: Any) -> None:
    element = shot.current
    element.source, element.image = "IMAGE", f"{asked['demo']}/truth/demo.1001.exr"
    bpy.ops.rde_roto.set_keyframe()


def refusal(operator: Callable[..., Any], **said: Any) -> str:
    """The sentence that an operator reports."""
    try:
        operator(**said)
    except RuntimeError as error:  # so a report of kind ERROR reaches a script
        return str(error).strip()
    raise AssertionError(f"{operator} was not refused")


def drawn_mask() -> Any:
    """Curved and straight sides, overlaps, holes, and layers that add, take away and are hidden."""
    mask = bpy.data.masks.new("robot")
    body = mask.layers.new(name="body")
    add_spline(body, [(0.3, 0.42), (0.45, 0.34), (0.6, 0.5), (0.44, 0.66)], (0.04, -0.03))
    add_spline(body, [(0.55, 0.45), (0.7, 0.49), (0.71, 0.57), (0.5, 0.52)])
    ring = mask.layers.new(name="ring")
    ring.use_fill_holes, ring.alpha = True, 0.75
    add_spline(ring, [(0.1, 0.3), (0.25, 0.3), (0.25, 0.4), (0.1, 0.45)])
    add_spline(ring, [(0.13, 0.33), (0.2, 0.33), (0.18, 0.4)])
    bite = mask.layers.new(name="bite")
    bite.blend = "SUBTRACT"
    add_spline(bite, [(0.4, 0.45), (0.5, 0.45), (0.45, 0.52)], (0.01, 0.01))
    hidden = mask.layers.new(name="hidden")
    hidden.hide_render = True
    add_spline(hidden, [(0.8, 0.3), (0.9, 0.3), (0.9, 0.4)])
    return mask


def add_spline(
    layer: Any, places: list[tuple[float, float]], handle: tuple[float, float] = (0, 0)
) -> None:
    """A closed spline; its handles lie at both sides of the points, turned a quarter each time."""
    spline = layer.splines.new()
    spline.use_cyclic = True
    spline.points.add(len(places) - 1)  # it has one already
    across, up = handle
    for point, (x, y) in zip(spline.points, places, strict=True):
        point.handle_left_type = point.handle_right_type = "FREE"
        point.co = x, y
        point.handle_left, point.handle_right = (x - across, y - up), (x + across, y + up)
        across, up = -up, across


# --- what tests call ------------------------------------------------------------------------------


def checked(asked: Asked) -> dict[str, Any]:
    """What Blender's own tool for those who publish extensions says of the zip."""
    tool = "addons_core/bl_pkg/cli/blender_ext.py"
    command = [sys.executable, f"{bpy.utils.system_resource('SCRIPTS')}/{tool}", "validate"]
    done = subprocess.run([*command, asked["zip"]], capture_output=True, text=True)
    return {"code": done.returncode, "said": done.stdout + done.stderr}


def put_there(asked: Asked) -> dict[str, Any]:
    """Where it is, and where Blender has its settings."""
    module = sys.modules[MODULE]
    return {"file": module.__file__, "settings": bpy.utils.resource_path("USER")}


def client_module() -> Any:
    """The client's copy in the extension."""
    return import_module(f"{MODULE}.rde_roto_client")


def installed(asked: Asked) -> dict[str, Any]:
    operators = sorted(dir(bpy.ops.rde_roto))
    panels = [name for name in dir(bpy.types) if name.startswith(("RDE_ROTO_PT", "RDE_ROTO_UL"))]
    for name in panels:
        if "_PT_" in name:
            getattr(bpy.types, name).draw(SimpleNamespace(layout=Layout()), bpy.context)
    element = bpy.context.scene.rde_roto.add_element()
    element.set_keyframe(1001, "/kept/a.exr", "a")
    bpy.ops.rde_roto.add_element()
    assert [one.name for one in bpy.context.scene.rde_roto.elements] == ["element", "element2"]
    bpy.context.window_manager.rde_roto.what = "propagate"
    bpy.types.RDE_ROTO_PT_clip.draw(SimpleNamespace(layout=Layout()), bpy.context)
    element = bpy.context.scene.rde_roto.elements[0]
    for name, item in (("keyframes", element.keyframes[0]), ("elements", element)):
        rows = getattr(bpy.types, f"RDE_ROTO_UL_{name}")
        as_list = SimpleNamespace(draw_row=lambda row, one, of=rows: of.draw_row(None, row, one))
        rows.draw_item(as_list, bpy.context, Layout(), None, item, 0, None, "")
    bpy.context.window_manager.rde_roto.what = ""
    bpy.types.RDE_ROTO_PT_clip.draw(SimpleNamespace(layout=Layout()), bpy.context)
    for _ in range(2):
        bpy.ops.rde_roto.remove_element()
    assert "there is no element" in refusal(bpy.ops.rde_roto.remove_element)
    client, others = client_module().__file__, "rde_roto_client" in sys.modules
    repos = bpy.context.preferences.extensions.repos
    bpy.ops.extensions.package_uninstall(
        repo_index=[repo.module for repo in repos].index("user_default"), pkg_id="rde_roto"
    )
    return {
        "client": client,
        "others": others,
        "operators": operators,
        "panels": panels,
        "left": [hasattr(bpy.types.Scene, "rde_roto"), MODULE in bpy.context.preferences.addons],
    }


class Layout:
    """Stands for Blender's UILayout, which there is in windows alone: what is drawn must exist."""

    def __getattr__(self, name: str) -> Any:
        known = bpy.types.UILayout.bl_rna
        if name in known.properties:
            return None
        assert name in known.functions, name

        def draw(*said: Any, **more: Any) -> Any:
            if name == "prop":
                assert said[1] in said[0].bl_rna.properties, said[1]
            if name == "template_list":
                assert said[3] in said[2].bl_rna.properties, said[3]
                assert said[5] in said[4].bl_rna.properties, said[5]
                assert hasattr(bpy.types, said[0]), said[0]
            if name == "operator":
                group, _, operator = said[0].partition(".")
                getattr(getattr(bpy.ops, group), operator).get_rna_type()
                return SimpleNamespace()
            assert set(more) <= set(known.functions[name].parameters.keys()), (name, more)
            return Layout()

        return draw


def demo(asked: Asked) -> dict[str, Any]:
    """From the installed extension to composited pixels."""
    shot = demo_shot(asked)
    scene = bpy.context.scene
    fitted = [scene.frame_start, scene.frame_end, scene.frame_current, *clip_facts()]
    keyframe_of_truth(asked, shot)
    shot.frames = asked["frames"]
    bpy.ops.rde_roto.propagate()
    said = bpy.context.window_manager.rde_roto.last
    bpy.ops.rde_roto.wire()
    bpy.ops.rde_roto.wire()  # again: nothing is there twice
    first, _, last = shot.frames.partition("-")
    scene.frame_start, scene.frame_end = int(first), int(last)
    nodes = tree_there().nodes
    folder = Path(asked["folder"])
    scene.render.filepath = str(folder / "out" / "cut.####")
    as_float_exr(scene.render.image_settings)
    scene.render.image_settings.color_mode = "RGBA"
    composited(folder / "out", nodes["rde-roto matte robot"].outputs["Alpha"], "matte.####")
    kinds = sorted({OUTPUT: "output"}.get(node.bl_idname, node.bl_idname) for node in nodes)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "demo.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "demo.blend"))
    kept = bpy.context.scene.rde_roto
    return {
        "fitted": fitted,
        "said": said,
        "nodes": kinds,
        "kept": [kept.current.name, kept.preset, [key.frame for key in kept.current.keyframes]],
        "written": sorted(path.name for path in (folder / "out").iterdir()),
    }


def again(asked: Asked) -> dict[str, Any]:
    """The mask's file is another one later; there are links, and paths beside the blend file."""
    folder, scene = Path(asked["folder"]), bpy.context.scene
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "again.blend"))
    shot = demo_shot(asked)
    shot.out, shot.frames = "//mattes", "1001-1002"
    shot.current.source, shot.current.image = "IMAGE", "//mask.exr"
    tree, output = new_tree()
    mine = tree.nodes.new("CompositorNodeRGB")
    tree.links.new(mine.outputs[0], output.inputs[0])
    for run, frame in enumerate((1001, 1021)):  # the masks are two truths, both said to be of 1001
        truth = Path(asked["demo"], f"truth/demo.{frame}.exr")
        (folder / "mask.exr").write_bytes(truth.read_bytes())
        bpy.ops.rde_roto.set_keyframe()
        bpy.ops.rde_roto.propagate()
        if not run:
            bpy.ops.rde_roto.wire()
        scene.frame_start, scene.frame_end = 1001, 1002
        composited(
            folder / f"out{run}", tree.nodes["rde-roto matte robot"].outputs["Alpha"], "m.####"
        )
    return {
        "keyframes": [key.frame for key in shot.current.keyframes],
        "output": output.inputs[0].links[0].from_node.name == mine.name,
        "plates": len(bpy.data.movieclips),
    }


def clip_facts() -> list[Any]:
    (clip,) = bpy.data.movieclips
    render = bpy.context.scene.render
    return [clip.frame_start, render.resolution_x, render.resolution_y]


def mask(asked: Asked) -> dict[str, Any]:
    """The keyframe of a drawn mask, and the same mask by Blender's own Mask node."""
    shot = demo_shot(asked)
    shot.current.mask = drawn_mask()
    scene = bpy.context.scene
    scene.frame_set(1003)
    bpy.ops.rde_roto.set_keyframe()
    scene.frame_start = scene.frame_end = 1003
    tree, _ = new_tree()
    node = tree.nodes.new("CompositorNodeMask")
    node.mask = shot.current.mask
    composited(Path(asked["folder"]) / "out", node.outputs["Mask"], "mask.####")
    keyframes = shot.current.keyframes
    frames = [(key.frame, key.source) for key in keyframes]
    return {"keyframes": frames, "kept": keyframes[0].mask}


def feather(asked: Asked) -> dict[str, Any]:
    """Feathered splines as keyframes, and by Blender's own Mask node: by falloff."""
    shot = demo_shot(asked)
    scene = bpy.context.scene
    scene.frame_set(1003)
    scene.frame_start = scene.frame_end = 1003
    kept = {}
    for falloff in ("SMOOTH", "LINEAR"):
        shot.current.mask = bpy.data.masks.new(falloff)
        layer = shot.current.mask.layers.new(name="soft")
        layer.falloff = falloff
        places = [(0.44, 0.66), (0.6, 0.5), (0.45, 0.34), (0.3, 0.42)]
        add_spline(layer, places)
        for index, weight in enumerate((0.03, 0.06, 0.02, 0.05)):
            point, (x, y) = layer.splines[0].points[index], places[index]
            before, after = places[index - 1], places[(index + 1) % 4]
            across, up = (after[0] - before[0]) * 0.17, (after[1] - before[1]) * 0.17
            point.weight = weight
            point.handle_left, point.handle_right = (x - across, y - up), (x + across, y + up)
        bpy.ops.rde_roto.set_keyframe()
        kept[falloff] = shot.current.keyframes[0].mask
        tree, _ = new_tree()
        node = tree.nodes.new("CompositorNodeMask")
        node.mask = shot.current.mask
        composited(Path(asked["folder"]) / "out", node.outputs["Mask"], f"{falloff}.####")
    return {"kept": kept}


def shapes(asked: Asked) -> dict[str, Any]:
    """Shapes imported as masks with keys, and exported again; what is refused."""
    shot = demo_shot(asked)
    scene, folder = bpy.context.scene, Path(asked["folder"])
    areas = [area.type for area in bpy.context.window_manager.windows[0].screen.areas]
    bpy.ops.rde_roto.import_shapes(filepath=asked["file"])
    assert [area.type for area in bpy.context.window_manager.windows[0].screen.areas] == areas
    mask = shot.current.mask
    scene.frame_start, scene.frame_end = 1001, 1006
    bpy.ops.rde_roto.export_shapes(filepath=str(folder / "back"))
    mask.layers[0].invert = True
    return {
        "layers": [(layer.name, layer.blend) for layer in mask.layers],
        "said": refusal(bpy.ops.rde_roto.export_shapes, filepath=str(folder / "no")),
        "no file": refusal(bpy.ops.rde_roto.import_shapes, filepath=asked["demo"] + "/plate"),
        "other": refusal(bpy.ops.rde_roto.import_shapes, filepath=asked["other"]),
    }


def drawn_shapes(asked: Asked) -> dict[str, Any]:
    """Shapes imported as masks, as keyframes before and after an edit, and by Blender's own Mask
    node: at eight times the size, since it softens edges outwards by up to a pixel.
    """
    shot = demo_shot(asked)
    scene = bpy.context.scene
    bpy.ops.rde_roto.import_shapes(filepath=asked["file"])
    mask = shot.current.mask
    scene.frame_start = scene.frame_end = 1003
    scene.render.resolution_percentage = 800
    tree, _ = new_tree()
    node = tree.nodes.new("CompositorNodeMask")
    node.mask = mask
    composited(Path(asked["folder"]) / "out", node.outputs["Mask"], "mask.####")
    moved = {}
    for change in ("before", "after"):
        for frame in (1002, 1003):
            scene.frame_set(frame)
            if change == "after" and frame == 1003:
                mask.layers[0].splines[0].points[0].co.x += 0.1
            bpy.ops.rde_roto.set_keyframe()
        moved[change] = [key.mask for key in shot.current.keyframes]
    return moved


def overscan(asked: Asked) -> dict[str, Any]:
    """A mask over a plate whose data window is larger than its display window."""
    shot = demo_shot(asked)
    shot.plate = asked["plate"]
    bpy.ops.rde_roto.fit_scene()
    shot.current.mask = drawn_mask()
    bpy.ops.rde_roto.set_keyframe()
    bpy.ops.rde_roto.propagate()
    bpy.ops.rde_roto.wire()
    values = tree_there().nodes["rde-roto matte robot"].outputs["Alpha"]
    composited(Path(asked["folder"]) / "out", values, "matte.####")
    return {"kept": shot.current.keyframes[0].mask}


def elements(asked: Asked) -> dict[str, Any]:
    """Two elements of one plate: each has keyframes, mattes and nodes of its own."""
    shot = demo_shot(asked)
    keyframe_of_truth(asked, shot)
    shot.add_element("robot")
    shot.current.mask = drawn_mask()
    bpy.ops.rde_roto.set_keyframe()
    shot.frames = "1001-1003"
    judged = refusal(bpy.ops.rde_roto.next_to_fix)
    bpy.ops.rde_roto.propagate(every=True)
    said = bpy.context.window_manager.rde_roto.last
    for shot.active in range(2):
        bpy.ops.rde_roto.wire()
    bpy.ops.rde_roto.next_to_fix()
    advice = bpy.context.window_manager.rde_roto.last
    shot.elements[1].name = "robot"
    return {
        "said": said,
        "mattes": sorted(path.name for path in Path(shot.out).iterdir()),
        "nodes": sorted(node.name for node in tree_there().nodes if "rde-roto" in node.name),
        "keyframes": [[key.source for key in one.keyframes] for one in shot.elements],
        "advice": [judged, advice],
        "same name": [
            refusal(ask)
            for ask in (
                bpy.ops.rde_roto.propagate,
                bpy.ops.rde_roto.set_keyframe,
                bpy.ops.rde_roto.learn,
            )
        ],
    }


def scenes(asked: Asked) -> dict[str, Any]:
    """Two scenes whose mattes have the same files, as they do by default."""

    def with_shot(scene: Any, plate: str) -> Any:
        shot = scene.rde_roto
        shot.plate, shot.out = f"/nowhere/{plate}.####.exr", f"{asked['folder']}/mattes"
        shot.add_element().set_keyframe(1001, f"/kept/{plate}.exr", "Mask")
        return shot

    first = with_shot(bpy.context.scene, "a")
    second = with_shot(bpy.data.scenes.new("Second"), "b")
    ops = bpy.ops.rde_roto
    said = {"propagate": refusal(ops.propagate), "wire": refusal(ops.wire)}
    second.current.set_keyframe(1001, "/kept/a.exr", "Mask")
    second.plate = first.plate
    said["copy"] = first.matte_pattern(first.current)
    second.plate, second.out = "/nowhere/b.####.exr", f"{asked['folder']}/others"
    said["other folder"] = first.matte_pattern(first.current)
    return said


def outdated(asked: Asked) -> dict[str, Any]:
    """A scene that was saved when a shot had one element, opened, and its keyframes taken over."""
    shot = bpy.context.scene.rde_roto
    shot.element = "hero"
    for frame in (1001, 1020):
        key = shot.keyframes.add()
        key.name, key.frame, key.mask, key.source = str(frame), frame, f"/kept/{frame}.exr", "Mask"
    path = f"{asked['folder']}/old.blend"
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    shot = bpy.context.scene.rde_roto
    before = shot.is_outdated
    bpy.ops.rde_roto.add_element()
    bpy.ops.rde_roto.add_element()
    return {
        "outdated": [before, shot.is_outdated],
        "names": [element.name for element in shot.elements],
        "keyframes": [[key.frame, key.mask, key.source] for key in shot.elements[0].keyframes],
        "left": [len(shot.keyframes), len(shot.elements[1].keyframes)],
    }


def killed(asked: Asked) -> dict[str, Any]:
    """The engine is killed between the keyframe and the propagation."""
    client, read_endpoint = client_module(), client_module().places.read_endpoint
    shot = demo_shot(asked)
    shot.current.mask = drawn_mask()
    bpy.ops.rde_roto.set_keyframe()
    first = (read_endpoint() or {})["pid"]
    os.kill(first, signal.SIGKILL)
    shot.frames = "1001-1002"
    bpy.ops.rde_roto.propagate()
    with client.Client("tests", starts=False) as another:
        second = another.hello()["pid"]
    mattes = sorted(path.name for path in Path(shot.out).iterdir())
    return {"first": first, "second": second, "mattes": mattes}


def refused(asked: Asked) -> dict[str, str]:
    """What an artist can do wrong, by what is said then."""
    ops = bpy.ops.rde_roto
    said: dict[str, str] = {}
    shot = bpy.context.scene.rde_roto
    said["no element"] = refusal(ops.set_keyframe)
    shot.add_element()
    said["no plate"] = refusal(ops.set_keyframe)
    shot.plate = "/nowhere/x.####.exr"
    said["plate not there"] = refusal(ops.fit_scene)
    shot = demo_shot(asked)
    said["no mask"] = refusal(ops.set_keyframe)
    element = shot.current
    element.mask = bpy.data.masks.new("empty")
    said["empty mask"] = refusal(ops.set_keyframe)
    element.mask = drawn_mask()
    parent = element.mask.layers["body"].splines[0].points[0].parent
    parent.id_type, parent.id = "MOVIECLIP", bpy.data.movieclips[0]
    parent.parent = "Track"
    said["tracked mask"] = refusal(ops.set_keyframe)
    element.source, element.image = "IMAGE", "/nowhere/mask.png"
    said["image not there"] = refusal(ops.set_keyframe)
    bpy.context.scene.frame_set(2000)
    said["no such frame"] = refusal(ops.set_keyframe)
    bpy.context.scene.frame_set(1001)
    said["no keyframe"] = refusal(ops.propagate)
    said["no such keyframe"] = refusal(ops.remove_keyframe, frame=7)
    said["no mattes"] = refusal(ops.wire)
    keyframe_of_truth(asked, shot)
    shot.plate = "/nowhere/x.####.exr"
    said["plate is gone"] = refusal(ops.propagate)
    shot.plate = f"{asked['demo']}/plate"
    shot.preset = "nope"
    said["no such preset"] = refusal(ops.propagate)
    shot.preset, shot.frames = "draft", "1-3"
    said["no such frames"] = refusal(ops.propagate)
    shot.frames, element.name = "1001", "My Robot"
    said["no such element"] = refusal(ops.propagate)
    element.name, shot.out = "robot", "//mattes"
    said["not saved"] = refusal(ops.propagate)
    ops.remove_keyframe(frame=1001)
    said["still busy"] = bpy.context.window_manager.rde_roto.what
    return said


def no_engine(asked: Asked) -> dict[str, str]:
    """Nothing says how to start one; the test has seen to that."""
    shot = demo_shot(asked)
    keyframe_of_truth(asked, shot)
    return {"propagate": refusal(bpy.ops.rde_roto.propagate)}


def modal(asked: Asked) -> dict[str, Any]:
    """Propagation as in a window: Blender sends events, none of which may keep it waiting.

    Without a window Blender never calls `invoke`, so a probe takes its place: an operator of the
    same class that is sent the events that a window would send. Timers come as fast as they go.
    """
    from bl_ext.user_default.rde_roto import (  # type: ignore[import-not-found]
        operators,
        request_operator,
    )

    read_endpoint = client_module().places.read_endpoint
    runs: list[dict[str, Any]] = []
    engines: set[int] = set()
    events = {"stop": False, "kill": False}  # what is to happen after two frames

    class Probe(request_operator.RequestOperator, bpy.types.Operator):  # type: ignore[misc]
        bl_idname, bl_label = "rde_roto.probe", "Probe"
        doing = operators.Propagate.doing
        prepare, finish = operators.Propagate.prepare, operators.Propagate.finish
        every = False

        def execute(self, context: Any) -> set[str]:
            assert self.begin(context)
            run: dict[str, Any] = {"others": bpy.ops.rde_roto.propagate.poll()}
            waits: list[float] = []
            answer: set[str] = set()
            end = time.monotonic() + PATIENCE_S
            while not answer & {"FINISHED", "CANCELLED"}:
                assert time.monotonic() < end
                kind = "MOUSEMOVE" if len(waits) == 5 else "TIMER"
                if self.request.done >= 2:
                    engine = (read_endpoint() or {})["pid"]
                    engines.add(engine)
                    if events["kill"]:
                        os.kill(engine, signal.SIGKILL)
                    kind = "ESC" if events["stop"] else kind
                    events.update(stop=False, kill=False)
                began = time.monotonic()
                answer = self.modal(context, SimpleNamespace(type=kind))
                waits.append(time.monotonic() - began)
                assert kind == "TIMER" or answer == {"MOUSEMOVE": PASS, "ESC": MINE}[kind]
                time.sleep(0.02)
            last = context.window_manager.rde_roto.last
            run.update(longest_s=max(waits), steps=len(waits), answer=sorted(answer), last=last)
            runs.append(run)
            return answer

    bpy.utils.register_class(Probe)
    shot = demo_shot(asked)
    keyframe_of_truth(asked, shot)
    for frames, happens in (("1001-1040", "stop"), ("1001-1020", "kill"), ("1001-1020", "")):
        shot.frames = frames
        events.update({happens: True} if happens else {})
        bpy.ops.rde_roto.probe()
        runs[-1]["mattes"] = len(list(Path(shot.out).glob("robot.*.exr")))
    free = bpy.ops.rde_roto.propagate.poll()
    return {"runs": runs, "engines": len(engines), "free": free}


def page(asked: Asked) -> dict[str, Any]:
    """The page's script."""
    exec(asked["script"], {})
    return {"mattes": tree_there().nodes["rde-roto matte robot"].image.filepath}


def names(asked: Asked) -> dict[str, Any]:
    bpy.ops.rde_roto.ask_names()
    doing = bpy.context.window_manager.rde_roto
    return {
        "presets": [name.name for name in doing.presets],
        "models": [name.name for name in doing.models],
    }


def main() -> None:
    name, said, answer = sys.argv[1:]
    asked = json.loads(said)
    install(asked)
    Path(answer).write_text(json.dumps(globals()[name](asked)), encoding="utf-8")


if __name__ == "__main__":
    code = 1
    try:
        main()
        code = 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # bpy may hang while Python takes it down
