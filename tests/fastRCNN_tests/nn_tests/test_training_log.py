"""The training log as a table and as a picture."""

from fastRCNN.nn.training_log import draw_log, write_log

ROW = {
    "epoch": 1,
    "loss": 0.123456789,
    "error": 0.25,
    "box_loss": 0,
    "rate": 0.01,
    "pictures": 21,
    "rois": 4200,
    "seconds": 7.25,
}


def test_the_table(tmp_path):
    write_log(tmp_path / "log.tsv", [ROW, {**ROW, "epoch": 2}])
    assert (tmp_path / "log.tsv").read_bytes() == (
        b"epoch\tloss\terror\tbox_loss\trate\tpictures\trois\tseconds\n"
        b"1\t0.123457\t0.25\t0\t0.01\t21\t4200\t7.25\n2\t0.123457\t0.25\t0\t0.01\t21\t4200\t7.25\n"
    )


def test_the_picture(tmp_path):
    draw_log(tmp_path / "plain.png", [ROW, {**ROW, "epoch": 2, "loss": 0.1}])
    draw_log(tmp_path / "boxes.png", [ROW, {**ROW, "epoch": 2, "box_loss": 0.5}])
    plain, boxes = ((tmp_path / name).read_bytes() for name in ("plain.png", "boxes.png"))
    assert plain.startswith(b"\x89PNG") and boxes.startswith(b"\x89PNG") and plain != boxes
