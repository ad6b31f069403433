"""Languages and scripts: told where they can be, left untold where they cannot."""

import sys
from subprocess import run

import pytest

from tunewise.data.language import detect, language_of

SENTENCES = {
    "en": "How can I change my password if I no longer have access to my mail?",
    "de": "Wie kann ich mein Passwort ändern, wenn ich keinen Zugriff mehr auf meine Post habe?",
    "es": "¿Cómo puedo cambiar mi contraseña si ya no tengo acceso a mi correo electrónico?",
    "fr": "Comment puis-je changer mon mot de passe si je n'ai plus accès à ma messagerie ?",
    "it": "Come posso cambiare la mia password se non ho più accesso alla mia posta?",
    "ru": "Как изменить пароль, если у меня больше нет доступа к почте?",
    "ja": "パスワードを忘れた場合はどうすればよいですか",
    "zh": "如果我忘记了密码应该怎么办",
    "th": "ฉันจะเปลี่ยนรหัสผ่านได้อย่างไร",
    "ko": "비밀번호를 잊어버렸을 때 어떻게 하나요",
}
COMMANDS = [
    "find . -name '*.c' -exec grep -l main {} +",
    "ls -la | sort -k5 -n",
    "tar -xzf a.tgz -C /tmp",
    "chmod -R u+rwX,go-w dir",
    "awk '{print $2}' f | uniq -c",
    "ssh -L 8080:localhost:80 h",
    "sed -i 's/x/y/g' *.txt",
    "du -sh * | sort -h",
]
KEYWORDS = [
    "insulin dosage",
    "diabetes type 2",
    "heart failure",
    "kidney stones",
    "back pain",
    "skin rash",
    "high blood pressure",
    "lung cancer",
    "eye infection",
    "broken wrist",
    "sleep problems",
    "chest pain",
]


@pytest.mark.parametrize("code", SENTENCES)
def test_the_language_of_a_sentence_is_told(code: str):
    assert language_of(SENTENCES[code]) == code
    assert detect([SENTENCES[code]]).main == code


@pytest.mark.parametrize("text", ["", "   ", "a", "12345 67/8", "x = [i for i in y]", *COMMANDS])
def test_a_text_that_does_not_tell_has_no_language(text: str):
    assert language_of(text) is None


def test_commands_have_a_script_and_no_language():
    found = detect(COMMANDS * 40)
    assert (found.shares, found.main) == ({}, "")
    assert dict(found.scripts) == {"Latin": 1.0}


def test_short_queries_are_told_together():
    assert not any(map(language_of, KEYWORDS[:6]))
    assert detect(KEYWORDS * 3).main == "en"


def test_languages_come_with_shares_the_most_common_first():
    found = detect([SENTENCES["de"]] * 30 + [SENTENCES["en"]] * 70)
    assert list(found.shares.items()) == [("en", 0.7), ("de", 0.3)]
    assert found.main == "en"


def test_a_language_of_less_than_five_percent_is_taken_for_a_mistake():
    assert list(detect([SENTENCES["en"]] * 99 + [SENTENCES["fr"]]).shares) == ["en"]


def test_scripts_are_shares_of_the_letters():
    found = detect(["abc абв", "1234 !?", "def", "гдежзи"])
    assert list(found.scripts.items()) == [("Cyrillic", 0.6), ("Latin", 0.4)]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("東京の人口", "Japanese"),
        ("カメラ", "Japanese"),
        ("北京人口", "Han"),
        ("서울", "Hangul"),
        ("กรุงเทพ", "Thai"),
        ("दिल्ली", "Devanagari"),
        ("القاهرة", "Arabic"),
        ("ＦＵＬＬ", "Latin"),
    ],
)
def test_each_script_has_its_name(text: str, script: str):
    assert dict(detect([text]).scripts) == {script: 1.0}


def test_no_texts_have_neither_language_nor_script():
    for texts in ([], ["", " "]):
        found = detect(texts)
        assert (found.main, dict(found.shares), dict(found.scripts)) == ("", {}, {})


def test_the_same_seed_gives_the_same_sample():
    texts = [SENTENCES["en"]] * 300 + [SENTENCES["de"]] * 300
    first = detect(texts, sample=100, seed=5)
    assert first == detect(texts, sample=100, seed=5)
    assert 0.3 < first.shares["en"] < 0.7
    assert first != detect(texts, sample=100, seed=6)


def test_the_model_is_loaded_only_when_it_is_asked_for():
    code = "import sys, tunewise.data.language; sys.exit('py3langid' in sys.modules)"
    assert run([sys.executable, "-c", code], check=False).returncode == 0
