"""REDCap's branching logic as a tree: what can be evaluated, and what cannot.

    [sex] = "0" and ([given_birth] = "1" or [meds(2)] <> '0') and not [baseline_arm_1][age] < 18

Functions, arithmetic and smart variables other than [event-name] stand in the tree as Opaque:
their outcome is unknown, so that `false and datediff(...) > 3` is still false.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

EVENT_NAME = "event-name"
_TOKEN = re.compile(
    r"\s*(?:(?P<ref>\[[^\[\]]*\])|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<number>\d+\.?\d*|\.\d+)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<op><>|!=|<=|>=|==|&&|\|\||[=<>()+\-*/^%,!]))"
)
_REF = re.compile(r"(?P<name>[a-z][a-z0-9_]*)(?:\((?P<code>[^()]*)\))?(?::value)?", re.IGNORECASE)
_COMPARISONS = {"=": "=", "==": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">",
                ">=": ">="}  # fmt: skip
_WORDS = {"and": "and", "&&": "and", "or": "or", "||": "or", "not": "not", "!": "not"}
_INSTANCES = ("current-instance", "first-instance", "last-instance", "previous-instance",
              "next-instance", "new-instance")  # fmt: skip


@dataclass(frozen=True)
class Ref:
    """A field, of another event if one is named; code: of a checkbox, as the project has it."""

    name: str
    code: str | None = None
    event: str | None = None


@dataclass(frozen=True)
class Literal:
    """Quoted text or a number, as text."""

    value: str


@dataclass(frozen=True)
class Opaque:
    """Something whose outcome is not known."""


@dataclass(frozen=True)
class Compare:
    """=, <>, <, <=, > or >= between two fields or literals."""

    op: str
    left: Ref | Literal
    right: Ref | Literal


@dataclass(frozen=True)
class Not:
    """The contrary."""

    part: Node


@dataclass(frozen=True)
class Junction:
    """All parts (and) or one of them (or)."""

    op: str
    parts: tuple[Node, ...]


Node = Compare | Not | Junction | Opaque
_Term = Node | Ref | Literal


class LogicError(ValueError):
    """The text is no branching logic."""


def parse_logic(text: str) -> Node:
    """The tree of a branching expression; LogicError if it is none."""
    parser = _Parser(text)
    try:
        node = parser.disjunction()
    except RecursionError:
        raise LogicError("nested too deeply") from None
    if parser.kind is not None:
        raise LogicError(f"nothing more was expected at {parser.at}")
    return node


def refs_of(node: Node) -> Iterator[Ref]:
    """Every field that the tree looks at."""
    if isinstance(node, Compare):
        yield from (side for side in (node.left, node.right) if isinstance(side, Ref))
    elif isinstance(node, Not):
        yield from refs_of(node.part)
    elif isinstance(node, Junction):
        for part in node.parts:
            yield from refs_of(part)


class _Parser:
    """Recursive descent, loosest first: or, and, not, comparison, + -, * / ^, primary."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self.at = 0
        self.kind: str | None = None
        self.word = ""
        self._is_adjacent = False  # nothing stands between this token and the one before
        self._advance()

    def disjunction(self) -> Node:
        """A whole condition."""
        return _truth(self._or())

    def _or(self) -> _Term:
        return self._junction("or", self._and)

    def _and(self) -> _Term:
        return self._junction("and", self._negation)

    def _junction(self, op: str, read: Callable[[], _Term]) -> _Term:
        """One term as it is (a field in parentheses stays a field), several as a condition."""
        parts = [read()]
        while self.kind in ("word", "op") and _WORDS.get(self.word.lower()) == op:
            self._advance()
            parts.append(read())
        return parts[0] if len(parts) == 1 else Junction(op, tuple(map(_truth, parts)))

    def _negation(self) -> _Term:
        if self.kind in ("word", "op") and _WORDS.get(self.word.lower()) == "not":
            self._advance()
            return Not(_truth(self._negation()))
        return self._comparison()

    def _comparison(self) -> _Term:
        left = self._arithmetic()
        if self.kind != "op" or self.word not in _COMPARISONS:
            return left
        op = _COMPARISONS[self.word]
        self._advance()
        right = self._arithmetic()
        if isinstance(left, Ref | Literal) and isinstance(right, Ref | Literal):
            return Compare(op, left, right)
        return Opaque()

    def _arithmetic(self) -> _Term:
        term = self._primary()
        while self.kind == "op" and self.word in "+-*/^%":
            self._advance()
            self._primary()
            term = Opaque()
        return term

    def _primary(self) -> _Term:
        kind, word = self.kind, self.word
        if kind is None:
            raise LogicError("the expression ends too soon")
        self._advance()
        if kind == "text":
            return Literal(word[1:-1])
        if kind == "number":
            return Literal(word)
        if kind == "ref":
            return self._reference(word)
        if kind == "op" and word in "+-":
            term = self._primary()
            is_number = isinstance(term, Literal) and word == "-"
            return (
                Literal(f"-{term.value}") if is_number and isinstance(term, Literal) else Opaque()
            )
        if kind == "op" and word == "(":
            node = self._or()
            self._expect(")")
            return node
        if kind == "word" and word.lower() not in _WORDS:
            return self._call()
        raise LogicError(f"'{word}' was not expected")

    def _call(self) -> Opaque:
        """A function with its arguments, or a word such as true."""
        if self.kind == "op" and self.word == "(":
            self._advance()
            while not (self.kind == "op" and self.word == ")"):
                self.disjunction()
                if self.kind == "op" and self.word == ",":
                    self._advance()
                elif not (self.kind == "op" and self.word == ")"):
                    raise LogicError("arguments are not separated by commas")
            self._advance()
        return Opaque()

    def _reference(self, first: str) -> Ref | Opaque:
        """One to three brackets: [field], [event][field], [field][instance]."""
        names = [first[1:-1].strip()]
        while self.kind == "ref" and self._is_adjacent:
            names.append(self.word[1:-1].strip())
            self._advance()
        if len(names) > 1 and (names[-1].isdigit() or names[-1].lower() in _INSTANCES):
            return Opaque()
        if "" in names:
            raise LogicError("an empty [] names no field")
        if len(names) > 2:
            return Opaque()
        if names == [EVENT_NAME]:
            return Ref(EVENT_NAME)
        event = names[0].lower() if len(names) == 2 else None
        found = _REF.fullmatch(names[-1])
        if found is None or (event is not None and "-" in event and event != EVENT_NAME):
            return Opaque()
        code = found["code"]
        return Ref(
            found["name"].lower(),
            None if code is None else code.strip(),
            None if event == EVENT_NAME else event,
        )

    def _expect(self, word: str) -> None:
        if self.kind != "op" or self.word != word:
            raise LogicError(f"'{word}' was expected at {self.at}")
        self._advance()

    def _advance(self) -> None:
        if not self._text[self._end :].strip():
            self.kind, self.word, self.at = None, "", self._end
            return
        found = _TOKEN.match(self._text, self._end)
        if found is None:
            raise LogicError(f"unreadable at {self._end}")
        self.kind = found.lastgroup
        self.word = found[found.lastgroup or 0]
        self.at = found.start(found.lastgroup or 0)
        self._is_adjacent = self.at == self._end
        self._end = found.end()


def _truth(term: _Term) -> Node:
    """A field or literal that stands where a condition should: its truth is not known."""
    return Opaque() if isinstance(term, Ref | Literal) else term
