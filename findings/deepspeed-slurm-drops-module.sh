#!/usr/bin/env bash
# DeepSpeed's Slurm launcher ignores --module: srun gets `python -u package.module`, which Python takes for a file name.
#
# Software: deepspeed 0.19.8, torch 2.13.0, Python 3.11, Linux x86_64. No Slurm is needed: the launcher's own argument parser
# and runner classes build the command.
# Seen: for the arguments `--launcher slurm --module package.train` the command ends in `python -u package.train`; for pdsh
# it contains `--module package.train`, and deepspeed.launcher.launch then runs `python -u -m package.train`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 'setuptools<81' numpy==2.4.6 deepspeed==0.19.8
cat > run.py <<'PY'
import os
import sys

from deepspeed.launcher.multinode_runner import PDSHRunner, SlurmRunner
from deepspeed.launcher.runner import parse_args

pool = {"node-a": [0, 1], "node-b": [0, 1]}


def command(runner, name, *more):
    arguments = parse_args(["--launcher", name, "--num_nodes", "2", "--module", "package.train", "--lr", "1"])
    arguments.master_addr, arguments.master_port = "node-a", 29500
    built = runner(arguments, "e30=", *more).get_cmd(dict(os.environ), pool)
    return built[0] if isinstance(built[0], list) else built


slurm, pdsh = command(SlurmRunner, "slurm", pool), command(PDSHRunner, "pdsh")
tail = slurm[slurm.index(sys.executable):]
print("slurm:", " ".join(["python", *tail[1:]]))
print("pdsh passes --module:", "--module" in pdsh)
assert tail[1:] == ["-u", "package.train", "--lr", "1"], tail
assert "--module" in pdsh, pdsh
PY
DS_ACCELERATOR=cpu venv/bin/python run.py 2>/dev/null
