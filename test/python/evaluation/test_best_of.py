"""The best of a group, against a search by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from averse_worker.evaluation.best_of import best_of

EPISODES = st.tuples(st.sampled_from([-1.5, 0.0, 0.25, 3.0]), st.booleans())


@given(groups=st.integers(1, 5), candidates=st.integers(1, 5), data=st.data())
def test_is_the_first_of_the_highest_that_did_not_fail(
    groups: int, candidates: int, data: st.DataObject
) -> None:
    count = groups * candidates
    episodes = data.draw(st.lists(EPISODES, min_size=count, max_size=count))
    reward = np.array([np.nan if failed else value for value, failed in episodes], np.float32)
    failed = np.array([failed for _, failed in episodes])
    chosen = best_of(reward, failed, candidates).tolist()
    for group, place in enumerate(chosen):
        own = range(group * candidates, (group + 1) * candidates)
        sound = [i for i in own if not failed[i]]
        wanted = max(sound, key=lambda i: (reward[i], -i)) if sound else own[0]
        assert place == wanted
