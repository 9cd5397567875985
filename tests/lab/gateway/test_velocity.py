from __future__ import annotations

import pytest

from harness.lab.gateway.velocity import TemplateFailed, template_of

FOUND = {"Item": {"name": {"S": "x"}}}


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("#if($absent)yes#{else}no#end", "no"),
        ("#if(!$absent)yes#{else}no#end", "yes"),
        ("#if($empty.Item)yes#{else}no#end", "no"),
        ("#if($found.Item)yes#{else}no#end", "yes"),
        ("#if($absent && $absent != '')yes#{else}no#end", "no"),
        ('#if($found.toString().contains("Item"))yes#{else}no#end', "yes"),
        ("$absent", ""),
        ("$found.Item.name.S.toUpperCase()", "X"),
        ("$found.Item.size()", "1"),
        ("#foreach($each in [1, 2])$each#if($foreach.hasNext),#end#end", "1,2"),
    ],
)
def test_templates_answer_as_velocity_does(text, rendered):
    assert template_of(text).render({"empty": {}, "found": FOUND}) == rendered


def test_rendering_leaves_nothing_behind():
    template = template_of("#if($seen)again#end#set($seen = 1)")

    assert [template.render({}), template.render({})] == ["", ""]


def test_plain_text_mentions_nothing():
    assert not template_of('{"context": 1}').mentions("context")
    assert template_of("$context.stage").mentions("context")


@pytest.mark.parametrize("text", ["#if($a)", "#set($a = )", "#foreach($a in $b)" * 2_000])
def test_a_template_that_cannot_be_parsed_says_so(text):
    with pytest.raises(TemplateFailed):
        template_of(text)


def test_a_template_that_fails_says_where():
    with pytest.raises(TemplateFailed, match="position"):
        template_of("$text.substring('x')").render({"text": "abc"})
