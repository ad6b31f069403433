"""What terms texts become, in several languages; all texts here were written for these tests."""

import subprocess
import sys
from importlib.util import find_spec

import pytest

from tunewise.retrieval import Analyzer, default_analyzer
from tunewise.retrieval.segmentation import bigrams, has_segmenter, words

segmenters = pytest.mark.skipif(
    not all(find_spec(package) for package in ("jieba", "fugashi", "unidic_lite", "pythainlp")),
    reason="the extra 'segment' is not installed",
)


def terms(text, language=None, **options):
    return Analyzer(language, **options).tokens([text])[0]


def test_words_are_lower_cased_and_punctuation_separates():
    assert terms("Hello, World! (again)") == ["hello", "world", "again"]


def test_single_letters_and_digits_are_words_too():
    assert terms("vitamin C 2") == ["vitamin", "c", "2"]


def test_a_text_without_words_has_no_terms():
    assert Analyzer("en").tokens(["", " \n", "?!…", "🙂"]) == [[], [], [], []]


def test_words_are_stemmed_and_stop_words_left_out():
    assert terms("The cats are sleeping", "en") == ["cat", "sleep"]
    assert terms("The cats are sleeping", "en", stem=False) == ["cats", "sleeping"]
    assert terms("The cats are sleeping", "en", stop=False) == ["the", "cat", "are", "sleep"]


@pytest.mark.parametrize(
    ("language", "asked", "written"),
    [
        ("ar", "كتاب", "قرأت الكتابَ في المساء"),
        ("de", "Haus", "Die Häuser am Fluss sind alt."),
        ("es", "canción", "Las canciones de mi pueblo"),
        ("hi", "किताब", "मुझे किताबें पढ़ना पसंद है"),
        ("it", "acqua", "Bevo dell’acqua fresca"),
        ("ru", "книга", "На столе лежат старые книги."),
        ("tr", "ışık", "IŞIKLAR söndü"),
    ],
)
def test_a_word_is_found_in_another_form(language, asked, written):
    assert set(terms(asked, language)) <= set(terms(written, language))


def test_a_hindi_word_is_not_cut_at_its_vowel_signs():
    assert terms("हिन्दी पुस्तकालय") == ["हिन्दी", "पुस्तकालय"]


def test_half_width_and_full_width_letters_are_the_same():
    assert terms("ＡＢＣ１２") == terms("abc12")


def test_a_soft_hyphen_does_not_cut_a_word():
    assert terms("Donau\u00addampfer") == ["donaudampfer"]


def test_elisions_are_cut_off():
    assert "arbre" in terms("l'arbre", "fr", stem=False)


@segmenters
@pytest.mark.parametrize(
    ("language", "asked", "written"),
    [
        ("ja", "天気", "明日の天気を調べました。"),
        ("ja", "食べる", "昨日は寿司を食べました"),
        ("ja", "Python", "Pythonで書かれたプログラム"),
        ("zh", "大学", "她在清华大学学习物理"),
        ("zh", "物理", "她在清华大学学习物理"),
        ("zh", "GPU", "这台机器有GPU加速"),
        ("th", "แมว", "ฉันเลี้ยงแมวสองตัวที่บ้าน"),
        ("th", "ไทย", "เขาเรียนภาษาไทยทุกวัน"),
        ("th", "น้ำ", "ดื่มน้ำเย็น"),
    ],
)
def test_a_word_inside_an_unspaced_sentence_is_found(language, asked, written):
    assert set(terms(asked, language)) & set(terms(written, language))
    pair = Analyzer(language, segment="bigrams").tokens([asked, written])
    assert set(pair[0]) & set(pair[1])


@segmenters
def test_segmented_words_are_not_those_of_the_middle_of_others():
    assert "京都" in terms("東京都", "ja", segment="bigrams")
    assert "京都" not in terms("東京都", "ja")


@segmenters
def test_chinese_characters_are_read_by_the_language_and_kana_decides_without_one():
    assert words("研究生命", "zh") != bigrams("研究生命")
    assert "食べる" in words("食べた", None)


@segmenters
def test_japanese_particles_are_stop_words():
    assert terms("猫と犬", "ja") == ["猫", "犬"]


@pytest.mark.slow
@segmenters
def test_segmenters_write_nothing_and_say_nothing(tmp_path):
    asked = "from tunewise.retrieval.segmentation import words;"
    asked += "[words(r, l) for r, l in (('大学学习', 'zh'), ('食べた', 'ja'), ('ภาษาไทย', 'th'))]"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", asked],
        env={"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_there_are_bigrams_and_the_settings_say_what_to_install():
    asked = "import sys; sys.modules.update(jieba=None, fugashi=None, pythainlp=None);"
    asked += "from tunewise.retrieval import Analyzer; a = Analyzer('zh', stop=False);"
    asked += "print(len(a.tokens(['清华大学'])[0]), a.to_dict()['segmentation'])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "3 character bigrams: install tunewise[segment] for words\n"


def test_scripts_without_a_segmenter_become_bigrams_with_their_signs():
    assert words("ພາສາລາວ", "lo") == bigrams("ພາສາລາວ")
    assert bigrams("กี่คน") == ["กี่ค", "คน"]
    assert not has_segmenter("lo")


def test_a_lone_character_is_a_term():
    assert bigrams("水") == ["水"]
    assert bigrams("") == []


def test_korean_begins_with_bigrams_and_can_be_whole_words():
    assert default_analyzer("ko").tokens(["학교 도서관"]) == [["학교", "도서", "서관"]]
    assert terms("학교에서 API를", "ko", stop=False) == ["학교에서", "api", "를"]


def test_identifiers_are_kept_whole_beside_their_parts_when_asked():
    found = terms("tar xf ./old.tar.gz --no-pager getUserName", "en", identifiers=True, stem=False)
    assert {"./old.tar.gz", "old", "tar", "gz", "--no-pager", "pager"} <= set(found)
    assert {"getusername", "get", "user", "name"} <= set(found)


def test_identifiers_are_only_parts_otherwise():
    assert terms("./old.tar.gz snake_case") == ["old", "tar", "gz", "snake", "case"]


def test_a_long_line_of_joined_words_is_cut_quickly():
    assert len(terms("a-" * 50_000 + "!", identifiers=True)) > 50_000


def test_settings_are_plain_values_and_say_what_a_language_lacks():
    polish = Analyzer("pl").to_dict()
    assert polish["stemmer"] in ("polish", None)
    assert polish["stop_words"] == 0
    assert Analyzer("en", stem=False).to_dict()["stemmer"] is None
    assert Analyzer("km").to_dict()["segmentation"].startswith("character bigrams: there is no")
    assert Analyzer("ja", segment="bigrams").to_dict()["segmentation"] == "character bigrams"


def test_an_unknown_language_is_cut_into_plain_words():
    assert terms("The cats", "xx") == ["the", "cats"]
    assert Analyzer("xx").to_dict()["stemmer"] is None
