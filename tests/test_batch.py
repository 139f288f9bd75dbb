"""Tests of batch runs: every pair is dressed exactly once, despite broken inputs, kills and duplicates."""

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import Table, parquet

from fitroom import TryOn
from fitroom.batch.files import FileNames, stem_of
from fitroom.batch.job import BatchConfig, run_batch
from fitroom.batch.journal import Journal, Result
from fitroom.batch.pairs import Row, Texts, collect, encoded, read_pairs
from fitroom.batch.schedule import LARGEST_TASK, tasks
from fitroom.batch.threads import Once, on_threads
from fitroom.cli import main
from fitroom.data.synthetic import samples
from fitroom.errors import DataError, InputError, OutputError
from fitroom.photo import decode, masks
from fitroom.photo.encode import save_picture
from test_images import bomb


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Folders with four persons and five garments."""
    root = tmp_path_factory.mktemp("shop")
    for kind in ("persons", "garments"):
        (root / kind).mkdir()
    for number, sample in enumerate(samples(5, seed=3)):
        if number < 4:
            save_picture(sample.photo.image, root / "persons" / f"p{number}.png")
        save_picture(sample.garment, root / "garments" / f"g{number}.jpg")
    return root


def run(*arguments):
    return CliRunner().invoke(main, ["batch", *map(str, arguments)])


def results(out):
    return parquet.read_table(out / "results.parquet").to_pylist()


def pictures(out):
    return sorted(str(path.relative_to(out / "looks")) for path in (out / "looks").rglob("*") if path.is_file())


def write_list(path, rows, columns=("person", "garment", "garment_mask", "id")):
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def test_two_folders_give_a_look_for_every_pair_and_a_second_run_changes_none(shop, tmp_path):
    out = tmp_path / "out"
    arguments = ["--persons", shop / "persons", "--garments", shop / "garments", "--out", out]
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "20 pairs: 0 already done, 20 dressed, 0 failed" in result.output
    assert pictures(out) == [f"p{p}/g{g}.png" for p in range(4) for g in range(5)]
    rows = results(out)
    assert [row["path"] for row in rows[:2]] == ["p0/g0.png", "p1/g0.png"]
    assert all(row["ms"] > 0 and row["error"] is None for row in rows)
    # the same bytes as `fitroom try` writes
    assert (
        CliRunner()
        .invoke(
            main, ["try", str(shop / "persons/p1.png"), str(shop / "garments/g2.jpg"), "-o", str(tmp_path / "try.png")]
        )
        .exit_code
        == 0
    )
    assert (out / "looks/p1/g2.png").read_bytes() == (tmp_path / "try.png").read_bytes()
    changed = {path: path.stat().st_mtime_ns for path in (out / "looks").rglob("*.png")}
    assert "20 pairs: 20 already done, 0 dressed" in run(*arguments).output
    assert changed == {path: path.stat().st_mtime_ns for path in (out / "looks").rglob("*.png")}


def test_results_hold_the_confidence_and_warnings_of_each_look(shop, tmp_path):
    """Every look has a confidence. A garment that looks folded gives a warning."""
    (tmp_path / "garments").mkdir()
    folded = np.full((256, 192, 3), 255, np.uint8)
    folded[60:200, 40:150] = (40, 80, 160)
    save_picture(folded, tmp_path / "garments" / "folded.png")
    shutil.copy(shop / "garments" / "g0.jpg", tmp_path / "garments")
    made = run("--persons", shop / "persons", "--garments", tmp_path / "garments", "--out", tmp_path / "out")
    assert made.exit_code == 0
    for row in results(tmp_path / "out"):
        look = TryOn.load()(row["person"], row["garment"])
        assert row["warnings"] == [warning.code for warning in look.warnings]
        assert ("folded-garment" in row["warnings"]) == row["garment"].endswith("folded.png")
        assert row["confidence"] == pytest.approx(look.confidence, abs=0.02)


def test_parser_and_segmenter_options_reject_unknown_weights(shop, tmp_path):
    """Unknown weights end the run with an error. `none` and `colour` are accepted."""
    both = "--persons", shop / "persons", "--garments", shop / "garments", "--out", tmp_path / "out"
    for option in ("--parser", "--segmenter"):
        refused = run(*both, option, "nowhere")
        assert refused.exit_code == 2
        assert "nowhere: unknown weights" in refused.stderr
    assert run(*both, "--parser", "none", "--segmenter", "colour").exit_code == 0


def test_csv_and_parquet_lists_give_the_same_files(shop, tmp_path):
    mask = masks.garment_mask(decode.read(shop / "garments/g1.jpg"))
    save_picture(np.repeat(mask[..., None], 3, axis=2), shop / "g1-mask.png")
    rows = [
        ("persons/p0.png", "garments/g1.jpg", "g1-mask.png", "first"),
        ("persons/p3.png", "garments/g0.jpg", "", "2/ä"),
    ]
    write_list(shop / "pairs.csv", rows)
    table = Table.from_pylist(
        [dict(zip(("person", "garment", "garment_mask", "id"), row, strict=True)) for row in rows]
    )
    parquet.write_table(table, shop / "pairs.parquet")
    for kind in ("csv", "parquet"):
        out = tmp_path / kind
        result = run(shop / f"pairs.{kind}", "--out", out, "--format", "webp", "--size", "model")
        assert result.exit_code == 0, result.output
        first, second = results(out)
        assert (first["id"], first["path"]) == ("first", "p0/first.webp")
        assert second["path"].startswith("p3/2_-")
        assert decode.read(out / "looks" / first["path"]).shape == (256, 192, 3)
    assert pictures(tmp_path / "csv") == pictures(tmp_path / "parquet")


def test_broken_rows_fail_with_a_reason_and_the_others_are_dressed(shop, tmp_path):
    """Nine of 51 rows are broken, each in a different way. A second run dresses the repaired row."""
    broken = tmp_path / "broken"
    broken.mkdir()
    good = (shop / "persons/p0.png").read_bytes()
    (broken / "cut.png").write_bytes(good[:-300])
    (broken / "text.png").write_text("no picture")
    (broken / "empty.jpg").write_bytes(b"")
    (broken / "bomb.png").write_bytes(bomb(30_000))
    shutil.copy(shop / "garments/g0.jpg", broken / "späte Größe 試着.jpg")
    rows = [(f"{shop}/persons/p{n % 4}.png", f"{shop}/garments/g{n % 5}.jpg", "", f"ok-{n}") for n in range(40)]
    rows += [(f"{broken}/{name}", f"{shop}/garments/g0.jpg", "", name) for name in ("cut.png", "text.png", "none.png")]
    rows += [(f"{shop}/persons/p0.png", f"{broken}/{name}", "", name) for name in ("empty.jpg", "bomb.png")]
    rows += [(f"{shop}/persons/p0.png", f"{shop}/garments/g1.jpg", f"{shop}/persons", "a folder as mask")]
    rows += [
        (f"{shop}/persons/p1.png", f"{shop}/garments/g2.jpg", "", "ok-7"),
        ("", f"{shop}/garments/g2.jpg", "", "nobody"),
    ]
    rows += [(f"{shop}/persons/p1.png", f"{shop}/{'x' * 300}.jpg", "", "long name")]
    rows += [(f"{shop}/persons/p2.png", f"{broken}/späte Größe 試着.jpg", "", "unicode"), (*rows[3][:3], "x" * 500)]
    out = tmp_path / "out"
    result = run(write_list(tmp_path / "pairs.csv", rows), "--out", out)
    assert result.exit_code == 3, result.output
    assert "51 pairs: 0 already done, 42 dressed, 9 failed" in result.output
    found = {(row["id"], row["person"]): row for row in results(out)}
    assert len(found) == len(rows)
    reasons = {row["id"]: row["code"] for row in found.values() if row["path"] is None}
    assert reasons == {
        "cut.png": "unusable-picture",
        "text.png": "not-a-picture",
        "none.png": "unusable-picture",
        "empty.jpg": "not-a-picture",
        "bomb.png": "picture-too-large",
        "a folder as mask": "unusable-picture",
        "ok-7": "doubled-id",
        "nobody": "unusable-picture",
        "long name": "unusable-picture",
    }
    assert len(pictures(out)) == 42
    assert "ok-7: id ok-7: an earlier pair" in result.output
    # the next run dresses the repaired row and keeps the finished looks
    (broken / "cut.png").write_bytes(good)
    assert "51 pairs: 42 already done, 1 dressed, 8 failed" in run(tmp_path / "pairs.csv", "--out", out).output


def test_three_rows_in_a_hundred_fail_and_the_others_are_dressed(shop, tmp_path):
    """Good rows give looks, broken rows give reasons. Set FITROOM_ROWS=10000 to test the size of a catalogue."""
    count = int(os.environ.get("FITROOM_ROWS", 200))
    broken = tmp_path / "broken"
    broken.mkdir()
    good = (shop / "persons/p0.png").read_bytes()
    (broken / "cut.png").write_bytes(good[: len(good) // 2])
    (broken / "text.png").write_text("no picture")
    rows = []
    for number in range(count):
        garment = broken / f"späte Größe 試着 {number} {'x' * (number % 120)}.jpg"
        garment.hardlink_to(shop / f"garments/g{number % 5}.jpg")
        rows.append([f"{shop}/persons/p{number % 4}.png", str(garment), "", f"{number} 試着 {'y' * (number % 300)}"])
    wrong = sorted(random.Random(5).sample(range(1, count), 3 * count // 100))
    kinds = {
        "missing": ("unusable-picture", lambda row: row.__setitem__(0, f"{broken}/none.png")),
        "truncated": ("unusable-picture", lambda row: row.__setitem__(0, f"{broken}/cut.png")),
        "no image": ("not-a-picture", lambda row: row.__setitem__(1, f"{broken}/text.png")),
        "doubled id": ("doubled-id", lambda row: row.__setitem__(3, rows[0][3])),
        "over-long": ("unusable-picture", lambda row: row.__setitem__(1, f"{broken}/{'z' * 300}.jpg")),
    }
    expected = {}
    for place, number in enumerate(wrong):
        code, spoil = list(kinds.values())[place % len(kinds)]
        spoil(rows[number])
        expected[number] = code
    result = run(write_list(tmp_path / "pairs.csv", rows), "--out", tmp_path / "out")
    assert result.exit_code == 3, result.output
    assert f"{count} pairs: 0 already done, {count - len(wrong)} dressed, {len(wrong)} failed" in result.output
    found = results(tmp_path / "out")
    assert {number: row["code"] for number, row in enumerate(found) if row["path"] is None} == expected
    assert all(row["error"] for row in found if row["path"] is None)
    assert sorted(row["path"] for row in found if row["path"]) == pictures(tmp_path / "out")
    assert len(pictures(tmp_path / "out")) == count - len(wrong)


def test_a_duplicate_pair_is_dressed_once(shop, tmp_path):
    row = (f"{shop}/persons/p0.png", f"{shop}/garments/g0.jpg", "", "")
    result = run(write_list(tmp_path / "pairs.csv", [row, row]), "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert len(pictures(tmp_path / "out")) == 1
    assert [found["path"] for found in results(tmp_path / "out")] == ["p0/g0.png"] * 2


@pytest.mark.slow
def test_a_run_killed_five_times_finishes_every_pair_exactly_once(shop, tmp_path):
    """Kill the run five times at random moments. In the end, every pair has exactly one look, and it is correct."""
    chance = random.Random(1)
    persons = tmp_path / "persons"
    persons.mkdir()
    for number in range(60):
        shutil.copy(shop / f"persons/p{number % 4}.png", persons / f"q{number}.png")
    out = tmp_path / "out"
    command = ["batch", "--persons", str(persons), "--garments", str(shop / "garments"), "--out", str(out)]
    done = 0

    def looks():
        return list((out / "looks").glob("q*/*.png"))

    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-m", "fitroom", *command], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while len(looks()) <= done and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(chance.uniform(0, 0.6))
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = len(looks())
    assert 0 < done < 300
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    rows = results(out)
    assert sorted(row["path"] for row in rows) == pictures(out) == sorted({row["path"] for row in rows})
    assert len(rows) == 300
    tryon = TryOn.load()
    for row in chance.sample(rows, 20):
        expected = tryon(row["person"], row["garment"]).image
        np.testing.assert_array_equal(decode.read(out / "looks" / row["path"]), expected)


def test_incomplete_journal_lines_are_removed(tmp_path):
    journal = Journal(tmp_path)
    journal.add([Result(1, "a.png"), Result(2, code="failure", error="ä\n")])
    journal.close()
    path = tmp_path / "journal.jsonl"
    whole = path.read_bytes()
    for extra in (b'{"key": 3, "pa', b"", b"x" * 9000):
        path.write_bytes(whole + extra)
        journal = Journal(tmp_path)
        assert [result.key for _, result in journal.read()] == [1, 2]
        assert journal.finished().tolist() == [1]
        journal.close()
        assert path.read_bytes() == whole


def test_a_full_disk_stops_the_run_and_finished_looks_are_kept(shop, tmp_path, monkeypatch):
    pairs = collect(Row(f"{shop}/persons/p{p}.png", f"{shop}/garments/g{g}.jpg") for g in range(5) for p in range(4))
    config, written = BatchConfig(str(tmp_path / "out"), workers=1), []
    write = Path.replace

    def full(self, target):
        if len(written) == 6:
            raise OSError(28, "No space left on device")
        written.append(target)
        return write(self, target)

    def dress():
        return run_batch(pairs, config, on_threads, lambda total, before: None, lambda count: None)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OutputError, match="No space left"):
            dress()
    summary = dress()
    assert summary.before >= 4
    assert summary.before + summary.done == 20


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=200, unique=True),
    st.integers(1, 10),
    st.randoms(),
)
def test_tasks_contain_every_pair_exactly_once(numbers, held, chance):
    pairs = collect(Row(f"p{person}", f"g{garment}") for person, garment in numbers)
    todo = np.array(sorted(chance.sample(range(len(pairs)), chance.randrange(len(pairs) + 1))), np.int64)
    planned = list(tasks(pairs, todo, held))
    assert sorted(int(n) for task in planned for n in task.pairs) == todo.tolist()
    blocks: dict[int, set[int]] = {}
    for task in planned:
        assert len(task.pairs) <= LARGEST_TASK
        assert set(pairs.garment[task.pairs]) == {task.garment}
        blocks.setdefault(task.block, set()).update(pairs.person[task.pairs].tolist())
    assert all(len(persons) <= held for persons in blocks.values())
    assert [task.block for task in planned] == sorted(task.block for task in planned)
    # each person belongs to one block, so it is encoded once
    assert sum(map(len, blocks.values())) == len(set(pairs.person[todo].tolist()))


@given(st.lists(st.text(min_size=1, max_size=120), max_size=30, unique=True))
def test_file_names_are_unique_and_valid(paths):
    chosen = FileNames([stem_of(path) for path in paths], lambda number: paths[number])
    names = [chosen[number] for number in range(len(paths))]
    assert len({name.lower() for name in names}) == len(paths)
    for name in names:
        assert 0 < len(os.fsencode(name)) <= 100
        assert not set(name) & set('/\\:*?"<>|\0')
        assert not name.startswith(".")


def test_invalid_lists_and_arguments_are_refused(tmp_path, shop):
    for text, says in (
        ("person,shirt\na,b\n", "found the columns person, shirt"),
        ("", "found the columns none"),
        ("person,garment\n", "no pair in it"),
    ):
        (tmp_path / "pairs.csv").write_text(text)
        with pytest.raises(DataError, match=says):
            read_pairs(tmp_path / "pairs.csv")
    (tmp_path / "pairs.parquet").write_text("no parquet")
    for name in ("pairs.parquet", "none.csv", "none.parquet"):
        with pytest.raises(DataError, match="can't be read"):
            read_pairs(tmp_path / name)
    for arguments, says in (
        ([], "give either a list of pairs"),
        ([tmp_path / "pairs.csv", "--persons", shop], "give either a list of pairs"),
        (["--persons", shop / "persons"], "give either a list of pairs"),
        (["--persons", tmp_path / "none", "--garments", shop / "garments"], "no such folder"),
        (["--persons", tmp_path, "--garments", shop / "garments"], "no picture in it"),
    ):
        result = run(*arguments, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert says in result.output
    with pytest.raises(InputError, match="need a local folder"):
        run_batch(collect([Row("a", "b")]), BatchConfig("memory://out"), on_threads, lambda *_: None, lambda _: None)


def test_pictures_are_read_from_and_written_to_urls(shop, tmp_path):
    import fsspec

    memory = fsspec.filesystem("memory")
    for path in (*(shop / "persons").iterdir(), *(shop / "garments").iterdir()):
        memory.pipe_file(f"/{path.parent.name}/{path.name}", path.read_bytes())
    result = run(
        "--persons",
        "memory://persons",
        "--garments",
        "memory://garments",
        "--out",
        tmp_path / "out",
        "--looks",
        "memory://looks",
    )
    assert result.exit_code == 0, result.output
    assert len(memory.find("/looks")) == 20
    expected = TryOn.load()(shop / "persons/p2.png", shop / "garments/g3.jpg").image
    np.testing.assert_array_equal(decode.read(memory.cat_file("/looks/p2/g3.png")), expected)


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=20), max_size=20))
def test_texts_round_trip_unchanged(given):
    given = [text.encode("utf-8", "replace").decode() for text in given] + ["ä\udcff"]
    texts = Texts(pyarrow.array([encoded(text) for text in given], pyarrow.large_binary()))
    assert list(texts) == given
    with pytest.raises(IndexError):
        texts[len(given)]


def test_once_calls_its_function_once_across_threads():
    """All threads get the result of a single call."""
    made = []

    def make():
        time.sleep(0.05)
        made.append(1)
        return len(made)

    once = Once(make)
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: once(), range(40))) == {1}
