#!/usr/bin/env python3
"""Render refrigerators with groceries, and their annotations, into a data set of the tutorial.

    python data/render/render.py --dataset grocery --seed 0              the bundled set of 40 pictures
    python data/render/render.py --dataset myOwnImages --count 200       more of them, in a data set of their own

A stopped run continues with the next call. The same arguments give the same pictures.
"""

import argparse
import contextlib
import importlib.util
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from plan import BUNDLED, plan
from storage import recipe, save, state_of

NARROWEST = 300  # pixels; the label pass wants some dozens of pixels per item
BATCH = 8  # pictures per process: Blender does not give back all memory


def parse(argv=None):
    """Command line as a namespace."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", required=True, help="name of the folder under data/")
    parser.add_argument(
        "--count",
        type=int,
        default=BUNDLED,
        help="pictures in total, 5/8 for training, 2/8 for testing, 1/8 without groceries (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="another seed, other pictures (%(default)s)")
    parser.add_argument(
        "--root",
        type=Path,
        default=Path(__file__).resolve().parents[2],
        help="folder that holds data/ (default: the repository)",
    )
    parser.add_argument("--samples", type=int, default=6, help="light paths per pixel (%(default)s)")
    parser.add_argument("--width", type=int, default=750, help="of the pictures; the height is 4/3 of it (%(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="pictures rendered at the same time (%(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="threads per picture (%(default)s)")
    parser.add_argument("--only", metavar="TEXT", default="", help="only pictures whose folder/name contains TEXT")
    parser.add_argument("--overwrite", action="store_true", help="replace pictures that were made otherwise")
    options = parser.parse_args(argv)
    for name in ("count", "samples", "width", "jobs", "threads"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1, got {getattr(options, name)}")
    if options.width < NARROWEST:
        parser.error(f"--width must be at least {NARROWEST}: in smaller pictures items are too small to annotate")
    if options.seed < 0:
        parser.error(f"--seed must not be negative, got {options.seed}")
    if Path(options.dataset).name != options.dataset or options.dataset in ("", ".", ".."):
        parser.error(f"--dataset must be the name of a folder under data/, got {options.dataset!r}")
    return options


@contextlib.contextmanager
def quiet_stdout():
    """Blender prints one line per step straight to file descriptor 1; keep the terminal for the progress bar."""
    sys.stdout.flush()
    kept, sink = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(sink)


def make(planned, folder, width, height, samples, threads):
    """Render one picture and write its files; returns seconds."""
    from picture import compose, photograph  # here, so that --help and the tests work without bpy

    start = time.perf_counter()
    with quiet_stdout():
        layout = compose(planned, width, height, threads)
        pixels = photograph(layout, planned, width, height, samples, threads)
    save(folder, planned, pixels, layout.annotations, recipe(planned, width, height, samples))
    return time.perf_counter() - start


def to_do(pictures, folder, recipes, overwrite):
    """Planned pictures that are not finished. Raises FileExistsError when others are in the way."""
    states = {p: state_of(folder, p, recipes[p]) for p in pictures}
    in_the_way = [p.name for p in pictures if states[p] in ("foreign", "other recipe")]
    if in_the_way and not overwrite:
        raise FileExistsError(
            f"{len(in_the_way)} pictures in {folder} are not from this recipe, for example "
            f"{in_the_way[0]}.jpg. Take another --dataset, or --overwrite to replace them"
        )
    for name in in_the_way:
        print(f"replaces {name}.jpg, which was made otherwise", file=sys.stderr)
    return [p for p in pictures if states[p] != "finished"]


def render_batch(batch, folder, options):
    """Render the pictures, `options.jobs` at a time, in processes of their own; yields the seconds of each."""
    context = multiprocessing.get_context("spawn")
    sizes = (options.width, options.width * 4 // 3, options.samples, options.threads)
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        for done in as_completed([pool.submit(make, planned, folder, *sizes) for planned in batch]):
            yield done.result()


def main(argv=None):
    """Exit status 0 when all pictures are there, 1 with one line when not."""
    options = parse(argv)
    folder, height = options.root / "data" / options.dataset, options.width * 4 // 3
    pictures = [p for p in plan(options.count, options.seed) if options.only in p.name]
    try:
        from tqdm import tqdm

        recipes = {p: recipe(p, options.width, height, options.samples) for p in pictures}
        waiting = to_do(pictures, folder, recipes, options.overwrite)
        # Only looked up, not imported: it changes sys.path, which the processes below would inherit.
        if waiting and importlib.util.find_spec("bpy") is None:
            raise ModuleNotFoundError("No module named 'bpy'", name="bpy")
        with tqdm(total=len(pictures), initial=len(pictures) - len(waiting), unit="picture") as bar:
            for start in range(0, len(waiting), BATCH * options.jobs):
                batch = waiting[start : start + BATCH * options.jobs]
                for seconds in render_batch(batch, folder, options):
                    bar.set_postfix_str(f"last {seconds:.0f} s")
                    bar.update()
    except ModuleNotFoundError as error:
        print(f"error: Python package {error.name} is missing; see data/render/README.md", file=sys.stderr)
        return 1
    except (OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("error: stopped; finished pictures are kept, run this again to continue", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
