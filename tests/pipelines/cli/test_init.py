"""The verb, as it is typed."""

import pytest

from pipelines.cli import main


def test_it_writes_one_file_and_never_over_another(capsys, tmp_path):
    place = tmp_path / "own.yaml"
    place.write_text("mine", encoding="utf-8")
    for where, words in ((place, "overwrites nothing"), (tmp_path / "none" / "x.yaml", "there is no folder")):
        with pytest.raises(SystemExit) as ended:
            main.main(["init", str(tmp_path), str(where)])
        assert ended.value.code == 1
        assert words in capsys.readouterr().err
    assert place.read_text(encoding="utf-8") == "mine"
    assert list(tmp_path.iterdir()) == [place]
