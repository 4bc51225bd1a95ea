"""`devices`, `load` and `score_prompts`; mirrors `src/protocol/load.ts`, in the same order."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from averse_worker.wire.messages.base import (
    Count,
    Digests,
    Finite,
    Float32,
    Fraction,
    GpuState,
    Message,
    Positive,
    Seconds,
    Seed,
    Uint32,
)
from averse_worker.wire.messages.data import DataSource, SplitFacts

# ── devices ─────────────────────────────────────────────────────────────────────────────────


class DeviceFacts(Message, frozen=True, kw_only=True):
    name: str
    """as in backend.device: cpu, mps, cuda:0"""
    description: str
    """model of the processor or GPU"""
    memory_bytes: Count | None
    """of its own; None: unknown, or the host's"""


class DevicesResult(Message, frozen=True, kw_only=True):
    auto: str
    """name of the device that backend.device: auto takes"""
    devices: list[DeviceFacts]
    cores: Count
    """CPU cores that the process may use"""


# ── load ────────────────────────────────────────────────────────────────────────────────────


class LoadAdapter(Message, frozen=True, kw_only=True):
    kind: Literal["lora"]
    rank: Count
    alpha: Finite
    """the delta of the weights is scaled by alpha / rank"""
    dropout: Fraction
    targets: list[str] | None
    """names of modules; None: every linear layer of the trunk"""


class LoadPolicy(Message, frozen=True, kw_only=True):
    model: str
    """builtin, a folder, or a hub id"""
    revision: str | None
    """commit, branch or tag of a hub id; None: the newest"""
    trust_remote_code: bool
    adapter: LoadAdapter | None
    """None: full fine-tuning"""
    quantize: Literal["none", "4bit"]
    """4bit: the frozen base in NF4; with an adapter"""
    gradient_checkpointing: bool
    """activations are computed again in the backward pass"""


class LoadReference(Message, frozen=True, kw_only=True):
    """A frozen model, such as the one that KL is measured against."""

    model: str
    revision: str | None
    trust_remote_code: bool


Output = Literal["logit", "margin", "max", "logsumexp", "probability"]
"""How the logits of a classifier's classes become one score."""


class BuiltinScorer(Message, frozen=True, kw_only=True, tag_field="kind", tag="builtin"):
    """The model that ships with the worker, one for rewards and one for judges."""

    labels: list[str]
    """classes that are scored; empty: the only one, or the second of two"""
    output: Output
    text: Literal["whole", "completion"]
    """what is scored; of a prompt alone it is the prompt"""
    sign: Literal[1, -1]
    timeout_seconds: Seconds
    """of scoring one batch of texts; 0: no limit"""


class ClassifierScorer(Message, frozen=True, kw_only=True, tag_field="kind", tag="classifier"):
    """A sequence classifier in transformers format."""

    model: str
    """a folder, or a hub id"""
    revision: str | None
    trust_remote_code: bool
    labels: list[str]
    output: Output
    text: Literal["whole", "completion"]
    sign: Literal[1, -1]
    timeout_seconds: Seconds


class PreferenceScorer(Message, frozen=True, kw_only=True, tag_field="kind", tag="preference"):
    """A sequence classifier with one output, trained on preference pairs."""

    model: str
    revision: str | None
    trust_remote_code: bool
    text: Literal["whole", "completion"]
    sign: Literal[1, -1]
    timeout_seconds: Seconds


class PythonScorer(Message, frozen=True, kw_only=True, tag_field="kind", tag="python"):
    """A function with TRL's signature."""

    function: str
    """file.py:function with an absolute path, or module:function"""
    text: Literal["whole", "completion"]
    sign: Literal[1, -1]
    timeout_seconds: Seconds


class HttpScorer(Message, frozen=True, kw_only=True, tag_field="kind", tag="http"):
    """A server that is sent batches of texts as JSON."""

    url: str
    token_env: str | None
    """variable of this process's environment with a bearer token"""
    retries: Count
    """further attempts after one that failed"""
    allow_insecure: bool
    """http:// to another machine"""
    format: Literal["averse", "openrlhf"]
    text: Literal["whole", "completion"]
    sign: Literal[1, -1]
    timeout_seconds: Seconds


class LexiconScorer(Message, frozen=True, kw_only=True, tag_field="kind", tag="lexicon"):
    """How many words of a list a text has."""

    words: list[str] | None
    """None: those of the file"""
    path: str | None
    """a file with one word per line"""
    text: Literal["whole", "completion"]
    sign: Literal[1, -1]
    timeout_seconds: Seconds


class LengthScorer(Message, frozen=True, kw_only=True, tag_field="kind", tag="length"):
    """How long a text is."""

    unit: Literal["tokens", "words", "characters"]
    """tokens are the policy's"""
    target: Count | None
    """the score is minus the distance; None: the length"""
    text: Literal["whole", "completion"]
    sign: Literal[1, -1]
    timeout_seconds: Seconds


LoadScorer = (
    BuiltinScorer
    | ClassifierScorer
    | PreferenceScorer
    | PythonScorer
    | HttpScorer
    | LexiconScorer
    | LengthScorer
)
"""What gives a text its raw score; a further kind is a further struct."""


class LoadReward(Message, frozen=True, kw_only=True):
    """One component of the reward."""

    name: str
    """unique among the components"""
    weight: Finite
    """in the combined reward; 0: scored, and not trained on"""
    transform: Literal["identity", "clip", "log-sigmoid", "sigmoid", "hinge"]
    scale: Finite
    """clip: bound; log-sigmoid, sigmoid, hinge: factor"""
    threshold: Finite
    """of hinge"""
    normalize: Literal["none", "running"]
    """running: by mean and deviation of all rollouts so far, this one in"""
    baseline: Literal["none", "prompt"]
    """prompt: the prompt's own transformed score is subtracted"""
    scorer: LoadScorer


class LoadJudge(Message, frozen=True, kw_only=True):
    """Scores evaluations only, never trained against."""

    name: str
    """unique among the judges"""
    scorer: LoadScorer


class LoadEvaluation(Message, frozen=True, kw_only=True):
    """What only evaluations need, beside the judges."""

    toxicity: LoadJudge | None
    """scores completions alone: a probability, or minus a probability where its sign is -1"""
    fluency: LoadReference | None
    """the fixed language model of the figure `fluency`"""
    tasks: list[str]
    """of lm-evaluation-harness, for `capability`"""


class LoadData(Message, frozen=True, kw_only=True):
    source: DataSource
    prompt_tokens: Count


class LoadRollout(Message, frozen=True, kw_only=True):
    new_tokens: Count
    min_new_tokens: Count
    temperature: Finite
    top_k: Count
    """0: off"""
    top_p: Finite
    minibatch: Count
    """episodes sampled at once; 0: all"""


class LoadExperts(Message, frozen=True, kw_only=True):
    """Two models that steer the policy."""

    expert: LoadReference
    anti_expert: LoadReference
    strength: Finite
    """a of the logits z + a·(z_expert - z_anti_expert)"""
    filter_p: Finite
    """of the policy's nucleus, outside which nothing is drawn; 1: there is none"""


class LoadDecoding(Message, frozen=True, kw_only=True):
    """How evaluations make completions, of a policy that is not trained."""

    best_of: Positive
    """completions drawn for each that is evaluated: the one with the highest reward"""
    experts: LoadExperts | None


class LoadTraining(Message, frozen=True, kw_only=True):
    critic: bool
    """False: no value head, no λ-returns"""
    epochs: Count
    minibatch: Count
    """episodes per gradient step"""
    microbatch: Count
    """episodes per forward pass of a gradient step; 0: all"""
    learning_rate: Finite
    value_learning_rate: Finite
    gamma: Finite
    lambda_: Finite = field(name="lambda")
    clip_ratio: Finite
    clip_value: Finite
    value_coefficient: Finite
    entropy_coefficient: Finite
    max_grad_norm: Finite
    prefix_baseline: bool
    """critic = reward of the prefix + value head"""
    ema_decay: Finite
    """of the exponential moving average of the weights; 0: none is kept"""


class LoadBackend(Message, frozen=True, kw_only=True):
    device: str
    """auto, cpu, cuda, cuda:1, mps"""
    dtype: Literal["float32", "bfloat16", "float16"]
    frozen_dtype: Literal["float32", "bfloat16"] | None
    """of the weights of reference, rewards and judges; None: float32, with an adapter dtype for the
    reference"""
    threads: Count
    """CPU threads of tensor operations; 0: torch's default"""
    deterministic: bool


class LoadPayload(Message, frozen=True, kw_only=True):
    seed: Seed
    policy: LoadPolicy
    reference: LoadReference | None
    """None: the policy as loaded"""
    rewards: Annotated[list[LoadReward], Meta(min_length=1)]
    judges: list[LoadJudge]
    evaluation: LoadEvaluation
    data: LoadData
    rollout: LoadRollout
    conditions: list[str]
    """texts of which one may stand before each prompt where completions are drawn or learned, and
    nowhere else; other commands name them by their place"""
    decoding: LoadDecoding | None
    """None: by sampling"""
    training: LoadTraining
    backend: LoadBackend
    engine_options: dict[str, Any]
    """as hello's schema has them"""


class PromptSet(Message, frozen=True, kw_only=True):
    ids: Uint32
    scores_digest: str | None
    """sha256 of all that the prompts' scores follow from; None: they cannot be kept"""


class RowFacts(Message, frozen=True, kw_only=True):
    """By split."""

    train: SplitFacts
    test: SplitFacts


class LoadDigests(Message, frozen=True, kw_only=True):
    policy: Digests
    reference: Digests
    rewards: dict[str, Digests]
    """component → its files"""
    judges: dict[str, Digests]
    """judge → its files"""
    evaluation: dict[str, Digests]
    """toxicity and fluency → their files, where `load` names them"""
    decoding: dict[str, Digests]
    """expert and anti_expert → their files, where `load` names them"""
    data: Digests


class LoadResult(Message, frozen=True, kw_only=True):
    device: str
    device_name: str
    dtype: str
    threads: Count
    processes: Positive
    """that compute together, each with as many threads"""
    parameters: Count
    context: Count
    """positions of the policy, in tokens"""
    train: PromptSet
    test: PromptSet
    sft_digest: str
    """sha256 of all that `sft` follows from, but for its own payload: equal, equal bits"""
    overlap: Count
    """test prompts whose text is a training text as well"""
    rows: RowFacts
    template: str | None
    """whose chat template renders the prompts; None: none does"""
    versions: dict[str, str]
    nondeterminism: list[str]
    """what may keep two runs on this machine from being bit-identical; empty: nothing"""
    model_settings: dict[str, dict[str, str]]
    """a model's config key → what its own files ask for, and what is done with it"""
    digests: LoadDigests
    memory_bytes: Count
    """of this process, on the host"""
    gpu: GpuState | None
    """None: it computes on no GPU"""
    seconds: Seconds


# ── score_prompts ───────────────────────────────────────────────────────────────────────────


class PromptScores(Message, frozen=True, kw_only=True):
    name: str
    """of the reward component"""
    scores: Float32
    """raw, of the prompt alone, one per prompt"""


class ScorePromptsPayload(Message, frozen=True, kw_only=True):
    split: Literal["train", "test"]
    prompts: Uint32
    """ids of the split"""
    known: list[PromptScores] | None
    """an earlier answer for these prompts under the same digest; None: score them"""


class ScorePromptsResult(Message, frozen=True, kw_only=True):
    combined: Float32
    """Σ over components of weight · score"""
    components: list[PromptScores]
    seconds: Seconds
