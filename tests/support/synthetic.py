"""Clips made by FFmpeg's command line, each with one property that a test is about."""

from pathlib import Path

from support.ffmpeg import run

_VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "2M")
_X264 = ("-c:v", "libx264", "-preset", "ultrafast")


def moving_picture(
    path: Path,
    *encoding: str,
    size: str = "320x240",
    rate: str = "30",
    seconds: float = 2,
    sound: str | None = None,
) -> Path:
    """A test picture in motion, with a tone in the codec ``sound``."""
    inputs = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}:duration={seconds}"]
    if sound:
        inputs += ["-f", "lavfi", "-i", f"sine=sample_rate=44100:duration={seconds}"]
        inputs += ["-c:a", sound]
    run(*inputs, "-pix_fmt", "yuv420p", *(encoding or _X264), path)
    return path


def flash_and_beep(
    path: Path,
    *,
    sound_delay: float = 0,
    picture_delay: float = 0,
    sound_seconds: float = 8,
    gap: tuple[float, float] | None = None,
    encoding: tuple[str, ...] = ("-c:a", "flac"),
) -> Path:
    """Eight seconds with a white flash and a beep at the start of each, in step.

    Delays shift when a stream starts; it then lacks what it would have held before. In ``gap``
    (seconds) the file holds no sound packets.
    """
    beat = "lt(mod(t,1),0.1)"
    black = "color=black:size=160x120:rate=30:duration=8"
    flash = f"drawbox=color=white:t=fill:enable='{beat}',trim=start={picture_delay}"
    tone = f"aevalsrc='{beat}*sin(2000*PI*t)/2':sample_rate=48000:duration={sound_seconds}"
    beep = f"atrim=start={sound_delay}"
    if gap:
        beep += f",aselect='not(between(t,{gap[0]},{gap[1]}))'"
    run(
        *("-f", "lavfi", "-i", black, "-f", "lavfi", "-i", tone),
        *("-vf", flash, "-af", beep, "-fps_mode", "passthrough"),
        *(*_VP8, *encoding, path),
    )
    return path


def raw_pictures(path: Path, data: bytes, size: tuple[int, int], *encoding: str) -> Path:
    """Losslessly stored pictures, given as raw bytes, at 30 a second."""
    raw = path.with_suffix(".raw")
    raw.write_bytes(data)
    columns, rows = size
    run("-f", "rawvideo", "-s", f"{columns}x{rows}", "-r", "30", *encoding, path)
    return path
