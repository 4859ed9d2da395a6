"""What lies under a store: which file systems cannot hold one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["network_file_system"]

_NETWORK_TYPES = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "9p",
        "ceph",
        "glusterfs",
        "lustre",
        "gpfs",
        "beegfs",
        "ocfs2",
        "gfs2",
        "davfs",
        "fuse.sshfs",
        "fuse.s3fs",
        "fuse.rclone",
        "fuse.glusterfs",
        "fuse.ceph",
        "fuse.davfs2",
        "fuse.gcsfuse",
    ]
)


def network_file_system(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str | None:
    """The type of the network file system a folder is on; None if it is local or cannot be told.

    Only Linux tells (see proc(5), mountinfo).
    """
    if not sys.platform.startswith("linux") or not mounts.exists():
        return None
    real = os.path.realpath(folder)
    best, found = "", ""
    for line in mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        mount_point = before.split(" ")[4].encode().decode("unicode_escape", "replace")
        if _inside(real, mount_point) and len(mount_point) >= len(best):
            best, found = mount_point, after.split(" ")[0]
    return found if found in _NETWORK_TYPES else None


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
