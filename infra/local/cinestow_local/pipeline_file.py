"""infra/pipeline.yaml as frozen data, checked as a whole: nothing unknown, nothing dangling.

Messages name the file and the place in it.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import yaml

from cinestow.errors import ConfigurationError

_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_Entry = TypeVar("_Entry", bound=msgspec.Struct)

Positive = Annotated[int, msgspec.Meta(gt=0)]


class Notification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bucket tells, and to which topic."""

    topic: str
    events: tuple[str, ...]


class Bucket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bucket; its key in the file is not yet its name in a project."""

    notify: Notification | None = None
    cors: bool = False
    versioning: bool = False
    delete_after_days: Positive | None = None


class Subscription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A push subscription; ranges are Pub/Sub's own, times are seconds."""

    topic: str
    function: str
    ack_deadline: Annotated[int, msgspec.Meta(ge=10, le=600)]
    minimum_backoff: Annotated[int, msgspec.Meta(ge=0, le=600)]
    maximum_backoff: Annotated[int, msgspec.Meta(ge=0, le=600)]
    attempts: Annotated[int, msgspec.Meta(ge=5, le=100)]
    dead_letter: str


class DeadLetterSubscription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The pull subscription that keeps dead letters."""

    name: str
    topic: str


class Function(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A function and the limits of one instance: memory in MiB, timeout in seconds."""

    target: str
    memory: Positive
    cpu: Positive
    concurrency: Positive
    max_instances: Positive
    timeout: Annotated[int, msgspec.Meta(gt=0, le=3600)]
    http: bool = False
    """Called by viewers, not by a subscription."""
    environment: dict[str, str] = {}


class Pipeline(msgspec.Struct, frozen=True):
    """The whole file."""

    buckets: dict[str, Bucket]
    topics: tuple[str, ...]
    subscriptions: dict[str, Subscription]
    dead_letter_subscription: DeadLetterSubscription
    functions: dict[str, Function]
    """Each with the shared environment merged into its own, references not yet filled in."""

    def environment(self, function: str, values: Mapping[str, str]) -> dict[str, str]:
        """The function's environment; ``values`` maps references such as ``bucket.work``.

        Raises:
            ConfigurationError: a reference has no value.
        """
        entries = self.functions[function].environment
        return {
            name: _fill(text, values, f"functions.{function}.environment.{name}")
            for name, text in entries.items()
        }


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's top level; entries stay raw so that an error can name their key."""

    buckets: dict[str, dict[str, Any]]
    topics: tuple[str, ...]
    subscription_defaults: dict[str, Any]
    subscriptions: dict[str, dict[str, Any]]
    dead_letter_subscription: dict[str, Any]
    environment: dict[str, str]
    functions: dict[str, dict[str, Any]]


def load_pipeline(path: Path) -> Pipeline:
    """Read and check a pipeline file.

    Raises:
        ConfigurationError: the file is no YAML, holds an unknown or wrong entry, or refers to a
            topic, function, bucket or value that does not exist.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        pipeline = _pipeline(_convert("top level", raw, _Document))
        _check_references(pipeline)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path}: no readable YAML: {error}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return pipeline


def _pipeline(document: _Document) -> Pipeline:
    return Pipeline(
        buckets={
            name: _convert(f"buckets.{name}", raw, Bucket) for name, raw in document.buckets.items()
        },
        topics=document.topics,
        subscriptions={
            name: _convert(
                f"subscriptions.{name}", document.subscription_defaults | raw, Subscription
            )
            for name, raw in document.subscriptions.items()
        },
        dead_letter_subscription=_convert(
            "dead_letter_subscription", document.dead_letter_subscription, DeadLetterSubscription
        ),
        functions={
            name: _function(name, raw, document.environment)
            for name, raw in document.functions.items()
        },
    )


def _function(name: str, raw: dict[str, Any], shared: dict[str, str]) -> Function:
    function = _convert(f"functions.{name}", raw, Function)
    return msgspec.structs.replace(function, environment=shared | function.environment)


def _convert(place: str, raw: object, kind: type[_Entry]) -> _Entry:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{place}: {error}") from error


def _check_references(pipeline: Pipeline) -> None:
    topics = set(pipeline.topics)
    for name, bucket in pipeline.buckets.items():
        if bucket.notify is not None:
            _must_exist(f"buckets.{name}.notify.topic", bucket.notify.topic, topics, "topic")
    for name, subscription in pipeline.subscriptions.items():
        place = f"subscriptions.{name}"
        _must_exist(f"{place}.topic", subscription.topic, topics, "topic")
        _must_exist(f"{place}.dead_letter", subscription.dead_letter, topics, "topic")
        _must_exist(f"{place}.function", subscription.function, pipeline.functions, "function")
        if subscription.minimum_backoff > subscription.maximum_backoff:
            raise ConfigurationError(f"{place}: minimum_backoff is above maximum_backoff")
    dead = pipeline.dead_letter_subscription
    _must_exist("dead_letter_subscription.topic", dead.topic, topics, "topic")
    for name, function in pipeline.functions.items():
        for variable, text in function.environment.items():
            place = f"functions.{name}.environment.{variable}"
            for reference in _REFERENCE.findall(text):
                _check_value(pipeline, place, reference)
            if "${" in _REFERENCE.sub("", text):
                raise ConfigurationError(f"{place}: a ${{ is not closed: {text!r}")


def _check_value(pipeline: Pipeline, place: str, reference: str) -> None:
    """Secrets and whole words are the deployer's; buckets and topics stand in this file."""
    kind, _, name = reference.partition(".")
    if kind == "bucket":
        _must_exist(place, name, pipeline.buckets, "bucket")
    elif kind == "topic":
        _must_exist(place, name, pipeline.topics, "topic")
    elif reference not in ("project", "dicomweb_root") and not (kind == "secret" and name):
        raise ConfigurationError(f"{place}: no such value: ${{{reference}}}")


def _must_exist(
    place: str, name: str, known: Mapping[str, object] | set[str] | tuple[str, ...], kind: str
) -> None:
    if name not in known:
        raise ConfigurationError(f"{place}: no such {kind}: {name!r}; known: {sorted(known)}")


def _fill(text: str, values: Mapping[str, str], place: str) -> str:
    def value(match: re.Match[str]) -> str:
        reference = match.group(1)
        if reference not in values:
            raise ConfigurationError(f"{place}: nothing to fill in for ${{{reference}}}")
        return values[reference]

    return _REFERENCE.sub(value, text)
