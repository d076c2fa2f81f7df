"""`cluster`: how kubectl and helm find the cluster."""

from __future__ import annotations

from mlgen.lower.commands.call import Call, word


def connect(call: Call) -> list[str]:
    """The commands that make a kubeconfig in `$mlgen_work`; none where the environment has one already."""
    said = call.words.get("cluster") or {}
    if not said:
        return []
    if "kubeconfig" in said:
        name = said["kubeconfig"]
        if call.data["secrets"][name]["file"]:
            return [f'export KUBECONFIG="${name}"']
        return [f'(umask 077 && printf \'%s\' "${name}" >"$mlgen_work/kubeconfig")', _OWN]
    if "gke" in said:
        gke = said["gke"]
        words = [f"gcloud container clusters get-credentials {word(gke['name'])} --location {word(gke['location'])}"]
        words += [f"--project {word(gke['project'])}"] if "project" in gke else []
        return [_OWN, " ".join(words)]
    if "eks" in said:
        eks = said["eks"]
        return [_OWN, f"aws eks update-kubeconfig --name {word(eks['name'])} --region {word(eks['region'])}"]
    aks = said["aks"]
    return [_OWN, f"az aks get-credentials --name {word(aks['name'])} --resource-group {word(aks['group'])}"]


_OWN = 'export KUBECONFIG="$mlgen_work/kubeconfig"'
WORK = ("mlgen_work=$(mktemp -d)", "trap 'rm -rf \"$mlgen_work\"' EXIT")
"""A folder that is gone with the script; the names are such that no job's variable may have them."""
