#!/usr/bin/env bash
# decord loses the first group of pictures of an MPEG-TS file, and seeks to other frames in an MPEG-PS file.
#
# Software: decord 0.6.0, PyAV 18.1.0 (FFmpeg's libraries), Python 3.11, Linux x86_64.
# Input: 120 numbered frames with a key frame every 30: H.264 in MPEG-TS, MPEG-2 in MPEG-PS. Both decode completely in PyAV.
# Seen: TS: decord returns 120 frames that begin at number 30 and end with 119 another thirty times; index 70 is number 100.
# PS: read in order all 120 are right, but a fresh reader asked for indices 50, 51, 52 and 80 returns 2, 3, 4 and 2.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check decord==0.6.0 av==18.1.0 numpy==2.4.6
cat > run.py <<'PY'
import av
import decord
import numpy as np

SIDE = 64


def numbered(number):
    """Eight horizontal bars: the number in binary."""
    frame = np.zeros((SIDE, SIDE, 3), np.uint8)
    for bit in range(8):
        frame[8 * bit : 8 * bit + 8] = 255 * (number >> bit & 1)
    return frame


def number_in(frame):
    return sum(1 << bit for bit in range(8) if frame[8 * bit + 4, SIDE // 2].mean() > 127)


def encode(path, codec):
    with av.open(path, "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width = stream.height = SIDE
        stream.pix_fmt, stream.gop_size = "yuv420p", 30
        if codec == "libx264":
            stream.options = {"sc_threshold": "0", "bf": "2"}
        for number in range(120):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number), format="rgb24")))
        out.mux(stream.encode())


def shown(path):
    with av.open(path) as read:
        return [number_in(frame.to_ndarray(format="rgb24")) for frame in read.decode(video=0)]


def returned(path, indices):
    reader = decord.VideoReader(path)
    return [number_in(frame) for frame in reader.get_batch(list(indices)).asnumpy()]


encode("a.ts", "libx264")
encode("a.mpg", "mpeg2video")
assert shown("a.ts") == shown("a.mpg") == list(range(120))
transport, program = returned("a.ts", range(120)), returned("a.mpg", range(120))
print(f"MPEG-TS: decord returns {len(transport)} frames: {transport[0]}..{transport[-1]}, the last number "
      f"{transport.count(transport[-1])} times; index 70 of a fresh reader is {returned('a.ts', [70])[0]}")
print(f"MPEG-PS: in order all right: {program == list(range(120))}; 50, 51, 52, 80 of a fresh reader are "
      f"{returned('a.mpg', [50, 51, 52, 80])}")
assert transport == [*range(30, 120), *[119] * 30], transport
assert returned("a.ts", [70]) == [100]
assert program == list(range(120)), program
assert returned("a.mpg", [50, 51, 52, 80]) == [2, 3, 4, 2]
PY
venv/bin/python run.py 2>/dev/null
