"""The options, each named once."""

from collections import Counter
from typing import get_args

import pytest
from typer.models import ArgumentInfo, OptionInfo

from pipelines.cli import options

DECLARED = {
    name: info
    for name, annotated in vars(options).items()
    for info in get_args(annotated)[1:]
    if isinstance(info, ArgumentInfo | OptionInfo)
}


def test_no_two_options_have_the_same_name():
    named = Counter(
        word
        for info in {id(info): info for info in DECLARED.values()}.values()
        if isinstance(info, OptionInfo)
        for word in (info.default, *(info.param_decls or ()))
        if isinstance(word, str)
    )
    assert len(named) > 15
    assert named.most_common(1)[0][1] == 1


@pytest.mark.parametrize("name", DECLARED)
def test_each_says_in_a_sentence_what_it_does(name):
    text = DECLARED[name].help
    assert text
    assert text[0] == text[0].upper() or text.startswith(("group:", "adhd200"))
    assert text.endswith(".")
