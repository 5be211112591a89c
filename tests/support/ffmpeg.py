"""FFmpeg's command line tools as independent judges."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any


def run(*arguments: str | Path) -> str:
    """What ``ffmpeg`` says at level warning; raises where it fails."""
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-v", "warning", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr}")
    return done.stderr


def probe(path: Path, *arguments: str) -> dict[str, Any]:
    """What ``ffprobe`` says of a file, as JSON."""
    command = ["ffprobe", "-v", "error", "-of", "json", *arguments, str(path)]
    answer: dict[str, Any] = json.loads(
        subprocess.run(command, capture_output=True, check=True).stdout
    )
    return answer


def complaints(path: Path) -> str:
    """Everything ``ffmpeg`` says while it decodes the whole file; empty for a clean one."""
    return run("-xerror", "-i", path, "-f", "null", "-")


def frame_times(path: Path) -> list[float]:
    """Presentation times of the decoded pictures, in seconds."""
    frames = probe(path, "-select_streams", "v:0", "-show_entries", "frame=pts_time")["frames"]
    return [float(frame["pts_time"]) for frame in frames]


def pictures(path: Path, pixel_format: str = "yuv420p", *arguments: str) -> bytes:
    """Raw decoded pictures, one after the other, every one exactly once."""
    return _piped("-i", path, "-fps_mode", "passthrough", *arguments, "-pix_fmt", pixel_format)


def sound(path: Path, channels: int = 1) -> bytes:
    """Decoded sound as 16-bit samples at 48 kHz, edit lists obeyed."""
    return _piped(
        "-i",
        path,
        "-vn",
        "-ac",
        str(channels),
        "-ar",
        "48000",
        "-c:a",
        "pcm_s16le",
        container="s16le",
    )


def _piped(*arguments: str | Path, container: str = "rawvideo") -> bytes:
    command = ["ffmpeg", "-nostdin", "-v", "error", *map(str, arguments), "-f", container, "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def ssim(
    first: Path, second: Path, first_view: str = "null", second_view: str = "null"
) -> list[float]:
    """SSIM (All) of each pair of frames, paired by order, seen through filters."""
    views = f"[0:v]{first_view},settb=1,setpts=N[a];[1:v]{second_view},settb=1,setpts=N[b]"
    inputs = [part for path in (first, second) for part in ("-reinit_filter", "0", "-i", str(path))]
    command = ["ffmpeg", "-nostdin", "-v", "error", *inputs]
    graph = f"{views};[a][b]ssim=stats_file=-:shortest=1"
    done = subprocess.run(
        [*command, "-lavfi", graph, "-f", "null", "-"], capture_output=True, text=True, check=True
    )
    return [float(value) for value in re.findall(r"All:([\d.]+)", done.stdout)]
