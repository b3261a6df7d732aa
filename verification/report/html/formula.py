r"""Statements, which mix words and formulas without any marks between them, as text and MathML.

A statement is cut at its spaces. A piece that reads as a word stays text; every other piece becomes a small
``<math>`` of its own, so that a long formula still breaks into lines on a narrow screen. Both LaTeX
(``\mu``, ``\frac{a}{b}``) and plain spelling (``mu``, ``<=``, ``sum_i``) are set; a macro that is not known
here is shown as it is written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from tightbound.verification.report.html.elements import node

_TOKEN = re.compile(
    r"\\[A-Za-z]+|\\.|[A-Z]{3,}-\d+|\d+(?:\.\d+)?(?:e-?\d+)?|[A-Za-z]+|<=>|<=|>=|=>|->|\+-|!=|\.\.\.|\|\||\s+|.",
    re.DOTALL,
)
_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon "
    "phi chi psi omega"
).split()
_LETTERS = {
    **{
        name: unicodedata.lookup(f"GREEK SMALL LETTER {name.upper().replace('LAMBDA', 'LAMDA')}")
        for name in _GREEK
    },
    **{
        name.capitalize(): unicodedata.lookup(
            f"GREEK CAPITAL LETTER {name.upper().replace('LAMBDA', 'LAMDA')}"
        )
        for name in _GREEK
    },
    "epsilon": "ϵ",
    "varepsilon": "ε",
    "eps": "ε",
    "varphi": "φ",
    "phi": "ϕ",
    "vartheta": "ϑ",
    "varrho": "ϱ",
    "varpi": "ϖ",
    "lam": "λ",
    "ell": "ℓ",
    "infty": "∞",
    "partial": "∂",
    "emptyset": "∅",
}
_PLAIN_LETTERS = set(_LETTERS) - {"iota", "chi", "ell", "infty", "partial", "emptyset"}  # also English words
_OPERATORS = {
    **{"<=>": "⇔", "<=": "≤", ">=": "≥", "=>": "⇒", "->": "→", "+-": "±", "!=": "≠", "...": "…", "||": "∥"},
    **{"-": "−", "*": "∗", "~": "∼", "'": "′", "\\|": "‖", "\\{": "{", "\\}": "}", "\\%": "%", "\\_": "_"},
    **{"\\le": "≤", "\\leq": "≤", "\\ge": "≥", "\\geq": "≥", "\\ne": "≠", "\\neq": "≠", "\\to": "→"},
    **{"\\ll": "≪", "\\gg": "≫", "\\sim": "∼", "\\approx": "≈", "\\equiv": "≡", "\\propto": "∝"},
    **{"\\in": "∈", "\\notin": "∉", "\\subset": "⊂", "\\subseteq": "⊆", "\\cup": "∪", "\\cap": "∩"},
    **{"\\iff": "⇔", "\\implies": "⇒", "\\mapsto": "↦", "\\forall": "∀", "\\exists": "∃", "\\setminus": "∖"},
    **{"\\cdot": "·", "\\times": "×", "\\pm": "±", "\\circ": "∘", "\\otimes": "⊗", "\\odot": "⊙"},
    **{
        "\\sum": "∑",
        "\\prod": "∏",
        "\\int": "∫",
        "\\nabla": "∇",
        "\\dagger": "†",
        "\\top": "⊤",
        "\\perp": "⊥",
    },
    **{"\\lceil": "⌈", "\\rceil": "⌉", "\\lfloor": "⌊", "\\rfloor": "⌋", "\\langle": "⟨", "\\rangle": "⟩"},
    **{"\\mid": "|", "\\dots": "…", "\\ldots": "…", "\\cdots": "⋯", "\\prime": "′", "\\colon": ":"},
    **{"sum": "∑", "prod": "∏", "int": "∫", "sqrt": "√"},
}
_ACCENTS = {
    "\\hat": "^",
    "\\widehat": "^",
    "\\bar": "‾",
    "\\overline": "‾",
    "\\tilde": "~",
    "\\widetilde": "~",
}
_ALPHABETS = {"\\mathcal": "SCRIPT", "\\mathbb": "DOUBLE-STRUCK"}
_UPRIGHT = ("\\mathrm", "\\text", "\\operatorname", "\\mathbf", "\\mathit", "\\mathsf")
_DROPPED = ("\\left", "\\right", "\\big", "\\Big", "\\bigl", "\\bigr", "\\!", "\\displaystyle")
_SPACES = ("\\,", "\\;", "\\:", "\\ ", "\\quad", "\\qquad")
_FRACTIONS = ("\\frac", "\\tfrac", "\\dfrac")
_WITH_ARGUMENT = {*_ACCENTS, *_ALPHABETS, *_UPRIGHT, *_FRACTIONS, "\\sqrt", "\\left", "\\right"}
_OPENING = set("([{|=<>+,;/⌈⌊⟨≤≥−∼→⇔⇒±·×")
_ALONE = {
    **{name: sign for name, sign in _OPERATORS.items() if not name.isalpha()},
    **{c: c for c in "=<>+/"},
}
_OPENS, _CLOSES = ("\\lceil", "\\lfloor", "\\langle", "\\{"), ("\\rceil", "\\rfloor", "\\rangle", "\\}")
_SHORT_WORDS = ("in", "if", "is", "of", "on", "or", "to", "at", "by")

_WORD = re.compile(
    r"[(\[“\"']*(?:[A-Za-z]{2,}\d*[A-Za-z]*|[A-Z]{2,}-[A-Z]?\d+[a-z]?|[A-Z]\.\d+)"
    r"(?:[-/'’][A-Za-z0-9]+)*(?:['’]?s)?[)\]”\"']*[.,;:!?]*[)\]]?"
)
_TRIM = "()[]{}.,;:!?“”\"'"


def typeset(statement: str) -> list[str | Element]:
    r"""Return the statement as text and ``<math>`` elements.

    Examples
    --------
    >>> from tightbound.verification.report.html.elements import write
    >>> write(node("p", typeset("mu* for every budget")))
    '<p><math><msup><mi>μ</mi><mo>∗</mo></msup></math> for every budget</p>'
    >>> write(node("p", typeset("\\sqrt{x + 1}")))
    '<p><math><msqrt><mrow><mi>x</mi><mo>+</mo><mn>1</mn></mrow></msqrt></math></p>'
    """
    pieces = list(_pieces(statement))
    found: list[str | Element] = []
    for index, piece in enumerate(pieces):
        before = pieces[index - 1] if index else "."
        after = pieces[index + 1] if index + 1 < len(pieces) else ""
        if index:  # a line may end after an operator, not before it
            found.append("\N{NO-BREAK SPACE}" if piece in _ALONE else " ")
        if piece in _ALONE:
            found.append(_ALONE[piece])
        elif _is_text(piece, before, after):
            found.append(piece)
        else:
            found.append(node("math", _Parser(piece, latex="\\" in statement).row()))
    return found


def _pieces(statement: str) -> Iterator[str]:
    """Cut at spaces, but not inside the braces of an argument."""
    piece, previous, braces = "", "", []
    tokens = _TOKEN.findall(statement)
    for index, token in enumerate(tokens):
        if token.isspace():
            following = tokens[index + 1] if index + 1 < len(tokens) else ""
            if True in braces or previous in (*_WITH_ARGUMENT, *_OPENS) or following in _CLOSES:
                piece += " "
            else:
                if piece:
                    yield piece
                piece = ""
            continue
        if token == "{":
            after_argument = previous == "}" and piece.endswith("}") and "frac" in piece
            braces.append(previous in ("_", "^") or previous in _WITH_ARGUMENT or after_argument)
        elif token == "}" and braces:
            braces.pop()
        piece += token
        previous = token
    if piece:
        yield piece


def _is_word(piece: str) -> bool:
    return bool(_WORD.fullmatch(piece)) and piece.strip(_TRIM) not in _PLAIN_LETTERS


def _is_text(piece: str, before: str, after: str) -> bool:
    if piece in ("a", "A", "I"):  # an article (or a number in Roman) only in the middle of words
        starts = before[-1:] in (".", ":", ";")
        return _is_word(after) and (starts or (piece == "a" and (_is_word(before) or before[-1:] == ",")))
    return _is_word(piece) or not re.search(r"[A-Za-z\\^_*<>=+~|-]", piece)


class _Parser:
    """Turns one piece into MathML by descent: a row of items, each with its scripts."""

    def __init__(self, piece: str, *, latex: bool) -> None:
        self._tokens = _TOKEN.findall(piece)
        self._at = 0
        self._latex = latex  # then a script without braces is one letter
        self._depth = 0

    def row(self, end: str = "") -> list[Element]:
        """Read items up to ``end`` or the end of the piece."""
        items: list[Element] = []
        gap = False
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if end and token == end:
                self._at += 1
                break
            if token.isspace() or token in _DROPPED:
                gap = gap or token.isspace()
                self._at += 1
                continue
            item = self._with_scripts(items)
            if items and _is_name(item) and (_is_function(items[-1]) or (gap and _is_name(items[-1]))):
                items.append(node("mspace", width="0.2em"))
            items.append(item)
            gap = False
        return items

    def _with_scripts(self, before: list[Element]) -> Element:
        base = node("mrow") if self._next() in ("_", "^") else self._item(before)
        base = self._primed(base)
        lower: Element | None = None
        upper: list[Element] = []
        while True:
            token = self._next()
            if token == "_" and lower is None:
                self._at += 1
                lower = self._script()
            elif token == "^":
                self._at += 1
                upper.append(self._script())
            elif token == "*" and base.tag != "mn" and self._is_star(base):
                self._at += 1
                upper.append(_operator(_OPERATORS[token]))
            else:
                break
        raised = upper[0] if len(upper) == 1 else node("mrow", upper)
        if lower is not None and upper:
            return node("msubsup", base, lower, raised)
        if lower is not None:
            return node("msub", base, lower)
        return node("msup", base, raised) if upper else base

    def _primed(self, base: Element) -> Element:
        """Add primes to a letter; their glyph is raised already."""
        marks = []
        while self._next() == "'":
            self._at += 1
            marks.append(node("mo", _OPERATORS["'"], lspace="0", rspace="0"))
        return node("mrow", base, marks) if marks else base

    def _is_star(self, base: Element) -> bool:
        """Whether the star at hand belongs to its letter, as in ``mu*``, and multiplies nothing."""
        after = self._next(1)
        return not (after[:1].isalnum() or after[:1] == "\\" or (after == "(" and base.tag != "mi"))

    def _script(self) -> Element:
        """Read what stands after ``_`` or ``^``: a group, a sign, a signed fraction, or one item."""
        token = self._next()
        if token in ("{", "("):
            self._at += 1
            self._depth += 1
            inner = self.row("}" if token == "{" else ")")
            self._depth -= 1
            return node("mrow", inner if token == "{" else [_operator("("), inner, _operator(")")])
        if token in ("-", "+"):
            self._at += 1
            taken = [_operator(_OPERATORS.get(token, token), prefix=True)]
            if self._next()[:1].isalnum() or self._next()[:1] == "\\":
                taken.append(self._item([]))
            while taken[-1].tag == "mn" and self._next() == "/" and self._next(1)[:1].isdigit():
                taken += [self._item([]), self._item([])]
            return node("mrow", taken)
        if token.isalpha() and len(token) > 1 and self._latex:
            self._tokens[self._at : self._at + 1] = [token[0], token[1:]]
        item = self._primed(self._item([]))
        if item.tag == "mi" and self._next() == "*" and not self._latex:  # pi_z* is pi at z*
            self._at += 1
            return node("msup", item, _operator("∗"))
        return item

    def _argument(self) -> Element:
        while self._next().isspace():
            self._at += 1
        if self._next() == "{":
            self._at += 1
            return node("mrow", self.row("}"))
        token = self._next()
        if len(token) > 1 and token[0].isdigit():  # \frac12 takes one digit
            self._tokens[self._at : self._at + 1] = [token[0], token[1:]]
        return self._item([])

    def _words(self) -> str:
        while self._next().isspace():
            self._at += 1
        if self._next() != "{":
            self._at += 1
            return self._tokens[self._at - 1] if self._at <= len(self._tokens) else ""
        text, depth = "", 0
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            self._at += 1
            depth += {"{": 1, "}": -1}.get(token, 0)
            if not depth:
                break
            text += token
        return text[1:]

    def _item(self, before: list[Element]) -> Element:
        token = self._next()
        if not token:  # the piece ends where something ought to follow
            return node("mrow")
        self._at += 1
        if token in _FRACTIONS:
            return node("mfrac", self._argument(), self._argument())
        if token == "\\sqrt":
            return node("msqrt", self._argument())
        if token in _ACCENTS:
            return node("mover", self._argument(), _operator(_ACCENTS[token]), accent="true")
        if token in _ALPHABETS:
            return node("mi", _in_alphabet(self._words(), _ALPHABETS[token]))
        if token in _UPRIGHT:
            return node("mtext", self._words())
        if token in _SPACES:
            return node("mspace", width="0.25em")
        if token[0] == "\\" and token[1:] in _LETTERS:
            return node("mi", _LETTERS[token[1:]])
        if token in _PLAIN_LETTERS:
            return node("mi", _LETTERS[token])
        if token in _OPERATORS:
            first = not before or (before[-1].text or "")[-1:] in _OPENING
            return _operator(_OPERATORS[token], prefix=first)
        if token[0].isdigit():
            return node("mn", token)
        if token == "<" and self._is_bracket(opening=True):
            return _operator("⟨")
        if token == ">" and self._is_bracket(opening=False):
            return _operator("⟩")
        if self._depth and len(token) == 2 and token.islower() and token not in _SHORT_WORDS:
            return node("mrow", [node("mi", letter) for letter in token])  # two indices
        if token.isalpha() or token[0].isalpha():
            return node("mi", token)
        if token[0] == "\\" and token[1:].isalpha():
            known = token[1:].islower() and token[1:] in _FUNCTIONS
            return node("mi", token[1:]) if known else node("mtext", token)
        return _operator(token)

    def _is_bracket(self, *, opening: bool) -> bool:
        """Whether ``<`` or ``>``, just read, is the end of an inner product and no relation."""
        before = self._tokens[self._at - 2] if self._at > 1 else ""
        after = self._next()
        if opening:
            return before in ("", "(", "|", "||") and after[:1].isalnum()
        return bool(before) and not before.isspace() and after in ("", "|", "||", ")", ",", ".", ";")

    def _next(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ""


_FUNCTIONS = set(
    "log ln exp min max inf sup lim liminf limsup arg argmin argmax det dim ker tanh sinh cosh sin cos "
    "tan".split()
)


def _operator(text: str, *, prefix: bool = False) -> Element:
    if text in "()[]{}|‖∥⌈⌉⌊⌋⟨⟩":
        return node("mo", text, stretchy="false", lspace="0", rspace="0")
    if text in "/:.!?":
        return node("mo", text, lspace="0", rspace="0")
    if text in "+−±" and prefix:
        return node("mo", text, form="prefix", lspace="0", rspace="0")
    return node("mo", text)


def _is_name(item: Element) -> bool:
    while item.tag in ("msub", "msup", "msubsup", "mover"):
        item = item[0]
    return item.tag in ("mi", "mn", "mtext", "msqrt", "mfrac", "mrow")


def _is_function(item: Element) -> bool:
    return item.tag == "mi" and len(item.text or "") > 1


def _in_alphabet(text: str, alphabet: str) -> str:
    letters = []
    for letter in text:
        kind = "CAPITAL" if letter.isupper() else "SMALL"
        for name in (f"{alphabet} {kind} {letter}", f"MATHEMATICAL {alphabet} {kind} {letter}"):
            try:
                letter = unicodedata.lookup(name.upper())
            except KeyError:
                continue
            break
        letters.append(letter)
    return "".join(letters)
