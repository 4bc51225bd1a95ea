/** The calls of the package ray that the driver makes, less the cluster. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Variables of the driver that choose how it behaves. */
export interface StandInRay {
  /** Any value: it is told once that there is no room. */
  readonly RAY_IS_FULL?: string;
  /** Any value: after that the cluster's head is gone. */
  readonly RAY_HEAD_DIED?: string;
  /** A file: the cluster has one place, which is whoever's locks it. */
  readonly RAY_PLACE?: string;
  /** A file: the first task that finds none there makes it, and loses its node as it starts. */
  readonly RAY_NODE_DIED?: string;
}

const RAY = `
import fcntl, http.client, os

class exceptions:
    class RayError(Exception):
        pass
    class RayTaskError(RayError):
        pass

def init(address, **_):
    if address != "auto":
        raise ConnectionError(f"{address} does not answer\\nand more")

def remote(max_retries, num_returns, num_cpus, num_gpus, resources):
    assert (max_retries, num_returns) == (0, "streaming")
    class Task:
        def __init__(self, function):
            self.remote = lambda *given: placed(function, given)
    return Task

def placed(function, given):
    died = os.environ.get("RAY_NODE_DIED")
    if died and not os.path.exists(died):
        open(died, "w").close()
        raise exceptions.RayError("The node of the task died. And more")
    place = os.environ.get("RAY_PLACE")
    if place is None:
        yield from function(*given)
        return
    with open(place, "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield from function(*given)

def wait(tasks, timeout):
    if os.environ.pop("RAY_IS_FULL", None):
        return [], tasks
    if os.environ.get("RAY_HEAD_DIED"):
        raise RuntimeError("RPC error")
    place = os.environ.get("RAY_PLACE")
    if place:
        with open(place, "a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (fcntl.LOCK_NB if timeout < 10 else 0))
            except BlockingIOError:
                return [], tasks
    return tasks, []

def nodes():
    return [{"Alive": True, "Resources": {"CPU": 2.0}}]

def get(answer):
    return answer
`;

/** @param folder where `ray.py` is written, for PYTHONPATH */
export function writeStandInRay(folder: string): void {
  writeFileSync(join(folder, "ray.py"), RAY);
}
