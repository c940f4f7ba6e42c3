"""Folders of their owner's alone."""

import stat
from pathlib import Path

from kb.private_folders import make_private, open_to_others


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_private_whatever_the_umask(tmp_path: Path) -> None:
    make_private(tmp_path / "above" / "home")

    assert mode(tmp_path / "above" / "home") == 0o700


def test_an_older_folder_is_tightened(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o767)

    make_private(tmp_path / "home")

    assert mode(tmp_path / "home") == 0o700


def test_a_folder_that_everybody_shares_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o1777)

    make_private(tmp_path / "shared")

    assert mode(tmp_path / "shared") == 0o1777
    assert list(open_to_others(tmp_path / "shared")) == [tmp_path / "shared"]


def test_what_is_open_to_others_is_found_at_any_depth_but_not_behind_links(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "a" / "b").mkdir(parents=True)
    (home / "a" / "b" / "open").write_text("")
    (home / "private").write_text("")
    (tmp_path / "elsewhere").mkdir()
    (home / "link").symlink_to(tmp_path / "elsewhere")
    for path in (home, home / "a"):
        path.chmod(0o700)
    (home / "private").chmod(0o600)
    (home / "a" / "b").chmod(0o711)
    (home / "a" / "b" / "open").chmod(0o604)

    assert set(open_to_others(home)) == {home / "a" / "b", home / "a" / "b" / "open"}
