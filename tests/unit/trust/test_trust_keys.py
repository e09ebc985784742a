"""Key files: private, whole, and clear about what is wrong with them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from probes.trust.keys import ControlKeys, KeyFileError, RegionKeys, RegionPublic, key_text

CONTROL = ControlKeys.generate()


def region_file(path: Path) -> tuple[RegionKeys, Path]:
    keys = RegionKeys.generate("eu-west", CONTROL.verify_key)
    keys.save(path / "key.json")
    return keys, path / "key.json"


def test_control_keys_load_as_they_were_saved(tmp_path: Path) -> None:
    CONTROL.save(tmp_path / "control.json")
    assert ControlKeys.load(tmp_path / "control.json") == CONTROL


def test_region_keys_load_as_they_were_saved(tmp_path: Path) -> None:
    keys, path = region_file(tmp_path)
    assert RegionKeys.load(path) == keys


def test_keys_before_are_kept_to_open_what_was_sealed_to_them(tmp_path: Path) -> None:
    before = RegionKeys.generate("eu-west", CONTROL.verify_key)
    keys = RegionKeys.generate("eu-west", CONTROL.verify_key, before.box_keys)
    keys.save(tmp_path / "key.json")
    loaded = RegionKeys.load(tmp_path / "key.json")
    assert loaded == keys
    assert loaded.box_keys == (keys.box_key, before.box_key)
    assert loaded.public.verify_key != before.public.verify_key


def test_key_file_is_its_owners_alone_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    _, path = region_file(tmp_path)
    RegionKeys.generate("eu-west", CONTROL.verify_key).save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, path = region_file(tmp_path)

    def fail(_: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("probes.trust.keys.os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        RegionKeys.generate("eu-west", CONTROL.verify_key).save(path)
    monkeypatch.undo()
    assert RegionKeys.load(path) == keys
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    _, path = region_file(tmp_path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=r"key\.json: others may read this key file; run: chmod 600 "):
        RegionKeys.load(path)


def _without(name: str) -> Callable[[dict[str, object]], object]:
    return lambda document: {key: value for key, value in document.items() if key != name}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda _: "text", "not a key file of version 1"),
        (lambda document: {**document, "v": 2}, "not a key file of version 1"),
        (lambda document: {**document, "region": ""}, "names no region"),
        (_without("region"), "names no region"),
        (_without("signing_seed"), "has no signing_seed"),
        (_without("control_verify_key"), "has no control_verify_key"),
        (lambda document: {**document, "box_private_key": "@"}, "box_private_key: a key that is not base64"),
        (
            lambda document: {**document, "box_private_key": "AAAA"},
            "box_private_key: a key of 3 bytes where 32 are due",
        ),
        (
            lambda document: {**document, "previous_box_private_keys": "A"},
            "previous_box_private_keys: not a list",
        ),
        (
            lambda document: {**document, "previous_box_private_keys": [7]},
            "previous_box_private_keys: a key of 0 bytes where 32 are due",
        ),
    ],
)
def test_key_file_with_a_fault_is_refused_for_it(
    tmp_path: Path, spoil: Callable[[dict[str, object]], object], message: str
) -> None:
    _, path = region_file(tmp_path)
    path.write_text(json.dumps(spoil(json.loads(path.read_text()))))
    with pytest.raises(KeyFileError, match=message):
        RegionKeys.load(path)


def test_error_about_a_broken_file_does_not_repeat_it(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.touch(0o600)
    path.write_text('{"signing_seed": "c2VjcmV0')
    with pytest.raises(KeyFileError, match="not JSON") as refused:
        RegionKeys.load(path)
    assert "c2VjcmV0" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"none\.json: cannot read the key file: No such file or directory"):
        ControlKeys.load(tmp_path / "none.json")


def test_public_keys_travel_as_text() -> None:
    public = RegionKeys.generate("eu-west", CONTROL.verify_key).public
    assert RegionPublic.from_text(public.verify_key_text, public.box_key_text) == public
    assert len(public.verify_key_text) == len(public.box_key_text) == 44


@pytest.mark.parametrize("text", ["", "AAAA", "é" * 44, "@" * 44])
def test_public_key_that_is_none_is_refused(text: str) -> None:
    good = RegionKeys.generate("eu-west", CONTROL.verify_key).public
    with pytest.raises(ValueError, match="a key"):
        RegionPublic.from_text(text, good.box_key_text)
    with pytest.raises(ValueError, match="a key"):
        RegionPublic.from_text(good.verify_key_text, text)


def test_private_keys_are_not_shown() -> None:
    keys = RegionKeys.generate("eu-west", CONTROL.verify_key)
    shown = f"{keys!r} {keys} {CONTROL!r} {CONTROL}"
    for private in (keys.signing_key, keys.box_key, CONTROL.signing_key):
        assert key_text(private) not in shown
        assert repr(bytes(private)) not in shown
