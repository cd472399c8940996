#!/usr/bin/env bash
# DeepSpeed: a universal checkpoint made from ZeRO 3 states can't be loaded under ZeRO 1; one made from ZeRO 1 states loads under
# ZeRO 2. The failed load ends in an AssertionError without a message, because no file is named mp_rank_*_model_states.pt.
#
# Software: deepspeed 0.19.8, torch 2.13.0, Python 3.11, Linux x86_64, one process over gloo on the CPU.
# Seen: "1 -> 2: loaded", "3 -> 3: loaded", "3 -> 1: AssertionError ''".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check torch==2.13.0 'setuptools<81' numpy==2.4.6 deepspeed==0.19.8
cat > run.py <<'PY'
import sys

import deepspeed
import torch

stage, action, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
torch.distributed.init_process_group("gloo")
deepspeed.init_distributed("gloo")
torch.manual_seed(0)
model = torch.nn.Linear(64, 64)
config = {
    "train_micro_batch_size_per_gpu": 1,
    "zero_optimization": {"stage": stage},
    "zero_allow_untested_optimizer": True,
    "checkpoint": {"load_universal": action == "load"},
}
engine, *_ = deepspeed.initialize(model=model, optimizer=torch.optim.AdamW(model.parameters()), config=config)
if action == "save":
    engine.backward(engine(torch.ones(1, 64)).square().sum())
    engine.step()
    engine.save_checkpoint(folder, tag="step", save_latest=False)
else:
    try:
        engine.load_checkpoint(folder, tag="step")
        print("loaded")
    except Exception as error:
        print(f"{type(error).__name__} {str(error)!r}")
torch.distributed.destroy_process_group()
PY
export DS_ACCELERATOR=cpu MASTER_ADDR=127.0.0.1 MASTER_PORT="${MASTER_PORT:-29533}" RANK=0 LOCAL_RANK=0 WORLD_SIZE=1 OMP_NUM_THREADS=1
python=venv/bin/python
for stage in 1 3; do
    "$python" run.py "$stage" save "$folder/zero$stage" > /dev/null 2>&1
    "$python" -m deepspeed.checkpoint.ds_to_universal --input_folder "$folder/zero$stage/step" \
        --output_folder "$folder/universal$stage/step" --inject_missing_state > /dev/null 2>&1
done
seen=""
for pair in "1 2" "3 3" "3 1"; do
    read -r from to <<< "$pair"
    line="$from -> $to: $("$python" run.py "$to" load "$folder/universal$from" 2>/dev/null | tail -1)"
    echo "$line"
    seen+="$line;"
done
[ "$seen" = "1 -> 2: loaded;3 -> 3: loaded;3 -> 1: AssertionError '';" ]
