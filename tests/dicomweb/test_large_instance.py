"""Memory does not grow with the recording: CINESTOW_LARGE_MB sets its length (default 128)."""

import os
import subprocess
import sys
from pathlib import Path

from support.instances import sample, write_large
from support.orthanc import Orthanc

MEGABYTES = int(os.environ.get("CINESTOW_LARGE_MB", "128"))
LIMIT_MB = 100

CHILD = """
import hashlib, sys
from pathlib import Path
from support.instances import FileBody
from support.peak import peak_mib
from cinestow.dicomweb.client import DicomWeb
from cinestow.dicomweb.stow import store
from cinestow.dicomweb.wado import retrieve

root, path, *uids = sys.argv[1:]
digest = hashlib.sha256()
with DicomWeb(root) as client:
    print(store(client, uids[0], FileBody(Path(path)), uids[2]).name)
    with retrieve(client, *uids) as instance:
        for piece in instance.bit_stream():
            digest.update(piece)
print(digest.hexdigest())
print(peak_mib())
"""


def test_stored_and_retrieved_in_bounded_memory(running_orthanc: Orthanc, tmp_path: Path) -> None:
    what = sample()
    path = tmp_path / "large.dcm"
    sent = write_large(path, what, MEGABYTES)
    uids = (what.study, what.series, what.instance)
    # A process of its own: the peak of this one says nothing.
    child = subprocess.run(
        [sys.executable, "-c", CHILD, running_orthanc.root_url, str(path), *uids],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    outcome, back, peak_mb = child.stdout.split()
    assert (outcome, back) == ("STORED", sent)
    assert int(peak_mb) < LIMIT_MB
