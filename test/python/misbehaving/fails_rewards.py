"""Works, with a reward model that fails on every tenth prompt: too late, an exception, NaN."""

from itertools import cycle

from peer import Peer

from averse_worker.engine.fake.engine import FakeEngine
from averse_worker.engine.fake.world import TEST_PROMPTS, TRAIN_PROMPTS
from averse_worker.rewards.contract import Failed

REASONS = (
    Failed("timeout", "1 text took longer than reward.timeout_seconds, 60 s"),
    Failed("exception", "KeyError: 'no such piece' (reward.py:1)"),
    Failed("not-finite", "the score is nan"),
)
FAILING = dict(zip(range(0, TRAIN_PROMPTS + TEST_PROMPTS, 10), cycle(REASONS), strict=False))

peer = Peer(FakeEngine(FAILING))
peer.hello()
for request in peer.requests():
    peer.send(peer.answer(request))
    peer.leave_if_asked(request)
