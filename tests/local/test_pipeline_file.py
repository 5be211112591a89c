"""infra/pipeline.yaml is read strictly: an error names the place."""

from pathlib import Path

import pytest

from cinestow.errors import ConfigurationError
from cinestow_local.pipeline_file import load_pipeline

REAL = Path(__file__).parents[2] / "infra/pipeline.yaml"


def changed(folder: Path, old: str, new: str) -> Path:
    """A copy of the real file with one thing in it changed."""
    text = REAL.read_text()
    assert old in text
    path = folder / "pipeline.yaml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_the_real_file_loads() -> None:
    pipeline = load_pipeline(REAL)
    assert set(pipeline.buckets) == {"uploads", "work", "quarantine", "previews"}
    assert pipeline.buckets["uploads"].notify is not None
    assert pipeline.buckets["uploads"].notify.events == ("OBJECT_FINALIZE",)
    assert pipeline.functions["transcode"].memory == 1024
    assert pipeline.functions["render"].http


def test_subscriptions_take_the_defaults(tmp_path: Path) -> None:
    path = changed(tmp_path, "function: store}", "function: store, attempts: 7}")
    pipeline = load_pipeline(path)
    assert pipeline.subscriptions["store"].attempts == 7
    assert pipeline.subscriptions["verify"].attempts == 100
    assert pipeline.subscriptions["verify"].ack_deadline == 600
    assert pipeline.subscriptions["verify"].dead_letter == "dead-letters"


def test_the_environment_is_merged_and_filled_in() -> None:
    pipeline = load_pipeline(REAL)
    values = {f"bucket.{name}": f"b-{name}" for name in pipeline.buckets}
    values |= {f"topic.{name}": f"t-{name}" for name in pipeline.topics}
    values |= {"project": "p", "dicomweb_root": "http://store/dicom-web"}
    environment = pipeline.environment("store", values)
    assert environment["CINESTOW_UPLOADS_BUCKET"] == "b-uploads"
    assert environment["CINESTOW_TOPIC_INSTANCE_STAGED"] == "t-instance-staged"
    assert environment["CINESTOW_DICOMWEB_ROOT"] == "http://store/dicom-web"
    assert "CINESTOW_IDENTITY_KEY" not in environment


def test_a_value_that_the_deployer_forgot_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"functions\.intake\.environment\.\w+: nothing"):
        load_pipeline(REAL).environment("intake", {})


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("buckets:", "bucket:", r"top level: .*unknown field `bucket`"),
        ("cors: true", "corse: true", r"buckets\.uploads: .*unknown field `corse`"),
        ("versioning: true", "versioning: 3", r"buckets\.uploads: .*`\$\.versioning`"),
        ("{topic: uploads, events", "{topic: upload, events", r"buckets\.uploads\.notify\.topic"),
        ("{topic: segment-requested", "{topic: segments", r"subscriptions\.transcode\.topic"),
        ("function: verify", "function: check", r"subscriptions\.verify\.function: .*'check'"),
        ("dead_letter: dead-letters", "dead_letter: graves", r"\.dead_letter: no such topic"),
        ("attempts: 100", "attempts: 4", r"subscriptions\.intake: .*>= 5"),
        ("ack_deadline: 600", "ack_deadline: 601", r"subscriptions\.intake: .*<= 600"),
        ("minimum_backoff: 10", "minimum_backoff: 600\n  x: 1", r"unknown field `x`"),
        ("maximum_backoff: 600", "maximum_backoff: 5", r"minimum_backoff is above"),
        ("name: dead-letters, topic: dead-letters", "name: d, topic: d", r"^.*dead_letter_sub"),
        (
            "memory: 1024, cpu: 2, concurrency: 1",
            "cpu: 2, concurrency: 1",
            r"transcode: .*`memory`",
        ),
        ("${bucket.work}", "${bucket.werk}", r"functions\.\w+\.environment\.CINESTOW_WORK_BUCKET"),
        ("${topic.instance-stored}", "${topic.x}", r"no such topic: 'x'"),
        ("PROJECT: ${project}", "PROJECT: ${projekt}", r"PROJECT: no such value: \$\{projekt\}"),
        ("PROJECT: ${project}", "PROJECT: ${project", r"CINESTOW_PROJECT: .*not closed"),
        ("${secret.identity-key}", "${secret.}", r"no such value: \$\{secret\.\}"),
        ("buckets:", "buckets: [", r"no readable YAML"),
    ],
)
def test_what_is_wrong_is_refused_by_name(tmp_path: Path, old: str, new: str, place: str) -> None:
    path = changed(tmp_path, old, new)
    with pytest.raises(ConfigurationError, match=place) as caught:
        load_pipeline(path)
    assert str(path) in str(caught.value)
