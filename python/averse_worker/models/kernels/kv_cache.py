"""Keys and values of the tokens so far, in buffers that are made once.

transformers' own `DynamicCache` copies all of it at every token, and its `StaticCache` attends to
the empty places too, which costs a CPU more than it saves. Where operations are queued on a device
it is the other way round: there `StaticLayer` keeps every shape and address as it is.
"""

from typing import Any

from torch import Tensor
from transformers import DynamicCache, PreTrainedConfig
from transformers.cache_utils import DynamicLayer


class PreallocatedLayer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values [B, heads, ≤ capacity, head width]."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self._capacity = capacity
        self._length = 0

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Appends along the third dimension; returns everything so far, without a copy."""
        if self._length == 0:
            self.dtype, self.device = key_states.dtype, key_states.device
            shape = (*key_states.shape[:2], self._capacity, key_states.shape[3])
            self._all_keys = key_states.new_empty(shape)
            self._all_values = value_states.new_empty((*shape[:3], value_states.shape[3]))
            self.is_initialized = True
        start, end = self._length, self._length + key_states.shape[2]
        self._all_keys[:, :, start:end] = key_states
        self._all_values[:, :, start:end] = value_states
        self._length = end
        self.keys = self._all_keys[:, :, :end]
        self.values = self._all_values[:, :, :end]
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """Tokens held."""
        return self._length

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keeps only the given rows."""
        if self._length:
            self._all_keys = self._all_keys[indices]
            self._all_values = self._all_values[indices]
            self.keys = self._all_keys[:, :, : self._length]
            self.values = self._all_values[:, :, : self._length]


def new_cache(config: PreTrainedConfig, capacity: int) -> DynamicCache:
    """An empty cache for `capacity` tokens; sliding and recurrent layers stay transformers' own."""
    cache = DynamicCache(config=config)
    if not cache.layers:
        raise ValueError("the model's config names no layers, so its cache cannot be sized")
    cache.layers = [
        PreallocatedLayer(capacity) if type(layer) is DynamicLayer else layer
        for layer in cache.layers
    ]
    return cache


class StaticLayer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values [B, heads, capacity, head width], the empty places zero."""

    def __init__(self, filled: PreallocatedLayer, capacity: int, place: Tensor) -> None:
        """Takes over what is `filled`; the next token goes to `place` [1], on the device."""
        super().__init__()
        self.keys, self.values = (
            _widened(array, capacity) for array in (filled.keys, filled.values)
        )
        self.dtype, self.device = self.keys.dtype, self.keys.device
        self.is_initialized = True
        self._place = place

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Writes one token's; returns all places, the empty ones too."""
        self.keys.index_copy_(2, self._place, key_states)
        self.values.index_copy_(2, self._place, value_states)
        return self.keys, self.values


def static_cache(cache: DynamicCache, capacity: int, place: Tensor) -> DynamicCache | None:
    """A copy for `capacity` tokens whose shapes stay, of one that holds the prompts.

    Args:
        place: [1], where the next token goes; the caller moves it on.

    Returns:
        None: some layers have keys of another kind, such as sliding ones.
    """
    layers = [layer for layer in cache.layers if isinstance(layer, PreallocatedLayer)]
    if len(layers) < len(cache.layers):
        return None
    fixed = DynamicCache()
    fixed.layers = [StaticLayer(layer, capacity, place) for layer in layers]
    return fixed


def _widened(array: Tensor, capacity: int) -> Tensor:
    wide = array.new_zeros((*array.shape[:2], capacity, array.shape[3]))
    wide[:, :, : array.shape[2]] = array
    return wide
