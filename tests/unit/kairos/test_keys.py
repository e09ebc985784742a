"""Keys are made once, for their owner alone."""

from pathlib import Path

from cryptography.fernet import Fernet

from kairos.keys import make_missing, write_private
from probes.trust.keys import ControlKeys


def test_keys_are_made_once_and_kept(tmp_path: Path) -> None:
    state = tmp_path / "state"
    paths = {name: state / name for name in ("secret_key", "fernet_keys", "control_key")}
    assert make_missing(**paths) == list(paths.values())
    first = [path.read_bytes() for path in paths.values()]
    assert make_missing(**paths) == []
    assert [path.read_bytes() for path in paths.values()] == first
    assert {path.stat().st_mode & 0o777 for path in paths.values()} == {0o600}
    assert state.stat().st_mode & 0o777 == 0o700


def test_each_key_is_of_use(tmp_path: Path) -> None:
    paths = {name: tmp_path / name for name in ("secret_key", "fernet_keys", "control_key")}
    make_missing(**paths)
    assert len(paths["secret_key"].read_text().strip()) >= 64
    assert Fernet(paths["fernet_keys"].read_text().strip()).encrypt(b"secret")
    assert len(bytes(ControlKeys.load(paths["control_key"]).verify_key)) == 32


def test_private_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "url"
    path.write_text("open to all")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]
