"""Tells what is installed of a pack, and how its files stand to its git repository."""
import os
import subprocess

from st2common.runners.base_action import Action


class GetInstalled(Action):
    def run(self, pack, branch="master"):
        client = self.action_service.datastore_service.get_api_client()
        found = client.packs.get_by_id(pack)
        if found is None:
            return {"pack": None, "git_status": None}
        manifest = found.to_dict() if hasattr(found, "to_dict") else dict(found)
        return {"pack": manifest, "git_status": git_status(manifest.get("path"), branch)}


def git_status(path, branch):
    """What differs from the branch it came from; None if it came from no repository."""
    if not path or not os.path.isdir(os.path.join(path, ".git")):
        return None
    lines = [
        "Status:\n" + git(path, "status"),
        "Remotes:\n" + git(path, "remote", "-v"),
        "Differences:\n" + git(path, "diff", "--stat", "origin/" + branch),
    ]
    return "\n".join(lines)


def git(path, *arguments):
    done = subprocess.run(
        ["git", "-C", path, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.stdout.decode("utf-8", "replace")
