"""Tables as text files."""

from helpers.tables import write_text, write_tsv


def test_table_by_hand(tmp_path):
    path = tmp_path / "new folder" / "a.tsv"
    write_tsv(path, ["name", "n"], [["Äpfel", 1], ["two\twords\nand more", 0.5], ["", None]])
    assert path.read_bytes() == "name\tn\nÄpfel\t1\ntwo words and more\t0.5\n\tNone\n".encode()
    write_tsv(path, ["name"], [])
    assert path.read_bytes() == b"name\n"


def test_text_keeps_its_line_ends(tmp_path):
    write_text(tmp_path / "a.txt", "ö\r\n\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xb6\r\n\n"
    assert list(tmp_path.iterdir()) == [tmp_path / "a.txt"]
