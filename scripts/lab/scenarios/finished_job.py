# SPDX-License-Identifier: Apache-2.0
"""A CronJob's pod has finished: its object stays, and says its address for ever. The next pod gets that
address, serves, and ends like any other. Meanwhile drainsnoop is killed and started again, and what
lists the pods tells of the finished one once more: before the one that has the address, and after it."""

from drainlab.pod import job_pod
from . import at_least, found

SUMMARY = "a finished Job's pod whose address serves again; drainsnoop started anew in between"
SETTINGS = {"state": True, "rate": 20.0, "lag": 4.0}


def play(lab):
    lab.kubernetes.create()
    lab.start_clients()
    job = job_pod(lab, "report", 1.0)
    lab.tracer.wait_for_pod(job)
    job.end_by_itself()
    lab.job = job
    new = lab.kubernetes.create(index=job.place.index)
    lab.wait_for_requests(lab.settings.rate)
    lab.tracer.kill()
    lab.events.pod_state(job, "deleted")
    lab.events.pod_state(new, "ready")
    lab.tracer.start_again()
    lab.events.pod_state(job, "deleted")
    lab.wait_for_requests(lab.settings.rate)
    lab.kubernetes.delete(new)


def mechanics(run):
    job, new = run.lab.job, run.ended[0]
    return ([f"{new.name} did not get the address of {job.name}"] * (job.address != new.address)
            + at_least(10, run.truth.failures, "failed requests"))


def must_find(run):
    job, new = run.lab.job, run.ended[0]
    problems = found(run, "address_released", 5)
    about_job = [e for e in run.output if e.get("k8s.pod.uid") == job.uid]
    blamed = [e for e in about_job if e["event.name"] == "drainsnoop.drop"]
    verdicts = [e for e in about_job if e["event.name"] == "drainsnoop.pod.verdict"]
    if blamed:
        problems.append(f"{len(blamed)} drops of the pod that had finished")
    if run.by_cause("address_reused"):
        problems.append("drops for a reuse of the address, which the load balancer never meant otherwise")
    if len(verdicts) != 1 or "drainsnoop.pod.t0" in verdicts[0]:
        problems.append(f"{len(verdicts)} verdicts on {job.name}, expected one, without a T0")
    if run.verdict(new).get("drainsnoop.verdict.code") != "dropped":
        problems.append(f"the verdict on {new.name} is {run.verdict(new).get('drainsnoop.verdict.code')}")
    return problems
