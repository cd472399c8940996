import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
    import sys, os, multiprocessing
    sys.path.insert(0, {root!r})
    from concurrent.futures import ProcessPoolExecutor
    from pathlib import Path
    from tasks.runtime.pool_worker import start_worker, without_main
    Path({marks!r}, __name__).touch()
    if __name__ == "__main__":
        def pid(pool):
            return pool.submit(os.getpid).result()
        spawn = multiprocessing.get_context("spawn")
        taken = spawn.Value("i", 0)
        if "without" in sys.argv:
            with without_main(), ProcessPoolExecutor(1, spawn, start_worker, (os.getpid(), [], taken)) as pool:
                assert pid(pool) != os.getpid()
            assert sys.modules["__main__"].pid is pid
        else:
            with ProcessPoolExecutor(1, spawn, start_worker, (os.getpid(), [], taken)) as pool:
                assert pid(pool) != os.getpid()
"""


def marks(tmp_path: Path, *words: str) -> set[str]:
    """Names under which the program was imported."""
    folder = tmp_path / "-".join(("marks", *words))
    folder.mkdir()
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(PROGRAM).format(root=str(ROOT), marks=str(folder)))
    subprocess.run([sys.executable, str(program), *words], check=True, timeout=300)
    return {path.name for path in folder.iterdir()}


def test_workers_do_not_import_the_main_module_before_they_watch_their_stage(tmp_path):
    assert marks(tmp_path) == {"__main__", "__mp_main__"}
    assert marks(tmp_path, "without") == {"__main__"}


def test_starting_a_worker_imports_next_to_nothing():
    code = "import sys; import tasks.runtime.pool_worker; print([n for n in ('prefect', 'torch', 'numpy', 'lcvd') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
