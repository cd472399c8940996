#!/usr/bin/env bash
# decord ignores an MP4's edit list: it counts packets, not the frames that a player shows.
#
# Software: decord 0.6.0, PyAV 18.1.0 (FFmpeg's libraries), Python 3.11, Linux x86_64.
# Input: 120 numbered frames, H.264 with a key frame every 30; cut at 1.0 s by copying packets from the key frame before,
# with negative times before the cut. FFmpeg's MP4 muxer writes an edit list for that, and a player begins at the cut.
# Seen: PyAV shows frames 25..119 (95 of them). decord returns 120 frames: 25..119, then frame 119 another 25 times.
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


def encode(path):
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width = stream.height = SIDE
        stream.pix_fmt, stream.gop_size, stream.options = "yuv420p", 30, {"sc_threshold": "0"}
        for number in range(120):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(number), format="rgb24")))
        out.mux(stream.encode())


def cut(source, target, seconds):
    with av.open(source) as read, av.open(target, "w", options={"avoid_negative_ts": "disabled"}) as out:
        video = read.streams.video[0]
        stream = out.add_stream_from_template(video)
        offset = int(seconds / video.time_base)
        read.seek(offset, stream=video, backward=True)
        for packet in read.demux(video):
            if packet.dts is not None:
                packet.pts, packet.dts, packet.stream = packet.pts - offset, packet.dts - offset, stream
                out.mux(packet)


encode("whole.mp4")
cut("whole.mp4", "cut.mp4", 1.0)
with av.open("cut.mp4") as read:
    shown = [number_in(frame.to_ndarray(format="rgb24")) for frame in read.decode(video=0)]
reader = decord.VideoReader("cut.mp4")
returned = [number_in(reader[index].asnumpy()) for index in range(len(reader))]
print(f"a player shows {len(shown)} frames: {shown[0]}..{shown[-1]}")
print(f"decord returns {len(returned)} frames: {returned[0]}..{returned[-1]}, the last number {returned.count(returned[-1])} times")
assert shown == list(range(25, 120)), shown
assert returned == [*range(25, 120), *[119] * 25], returned
PY
venv/bin/python run.py 2>/dev/null
