"""Subscription filters: which messages a subscription receives, by their attributes.

Syntax as in https://cloud.google.com/pubsub/docs/subscription-message-filter: ``attributes:KEY``,
``attributes.KEY = "V"``, ``!=``, ``hasPrefix(attributes.KEY, "V")``, NOT or -, AND, OR, brackets.
"""

import ast
import re
from collections.abc import Callable, Mapping

from cinestow_local.pubsub.status import invalid

MAX_BYTES = 256
_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[A-Za-z_][\w-]*|!=|[().:,=-])')

Matcher = Callable[[Mapping[str, str]], bool]


def parse_filter(text: str) -> Matcher:
    """A function that tells whether a message with those attributes matches ``text``."""
    if not text.strip():
        return lambda _: True
    if len(text.encode()) > MAX_BYTES:
        raise invalid(f"The filter is longer than {MAX_BYTES} bytes.")
    parser = _Parser(_tokens(text))
    matcher = parser.expression()
    parser.end()
    return matcher


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while text[position:].strip():
        found = _TOKEN.match(text, position)
        if found is None:
            raise invalid(f"The filter cannot be read from character {position + 1} on.")
        tokens.append(found[1])
        position = found.end()
    return tokens


class _Parser:
    """Recursive descent; each method reads one rule and returns what it means."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens

    def expression(self) -> Matcher:
        terms, joins = [self._term()], set()
        while self._next() in {"AND", "OR"}:
            joins.add(self._take())
            terms.append(self._term())
        if len(joins) == 2:
            raise invalid("The filter mixes AND and OR; parentheses have to say which binds first.")
        if joins == {"OR"}:
            return lambda attributes: any(term(attributes) for term in terms)
        return lambda attributes: all(term(attributes) for term in terms)

    def end(self) -> None:
        if self._tokens:
            raise invalid(f"The filter goes on after its end: {self._tokens[0]}")

    def _term(self) -> Matcher:
        match self._take():
            case "NOT" | "-":
                negated = self._term()
                return lambda attributes: not negated(attributes)
            case "(":
                inner = self.expression()
                self._expect(")")
                return inner
            case "hasPrefix":
                return self._has_prefix()
            case "attributes":
                return self._comparison()
            case other:
                raise invalid(f"The filter has {other} where a condition is expected.")

    def _has_prefix(self) -> Matcher:
        for token in ("(", "attributes", "."):
            self._expect(token)
        key = self._key()
        self._expect(",")
        prefix = self._string(self._take())
        self._expect(")")
        return lambda attributes: attributes.get(key, "").startswith(prefix) and key in attributes

    def _comparison(self) -> Matcher:
        if self._next() == ":":
            self._take()
            present = self._key()
            return lambda attributes: present in attributes
        self._expect(".")
        key = self._key()
        operator = self._take()
        if operator not in {"=", "!="}:
            raise invalid(f"The filter has {operator} where = or != is expected.")
        value = self._string(self._take())
        return lambda attributes: (attributes.get(key) == value) == (operator == "=")

    def _key(self) -> str:
        token = self._take()
        return self._string(token) if token.startswith('"') else token

    def _string(self, token: str) -> str:
        if not token.startswith('"'):
            raise invalid(f"The filter has {token} where a string in quotation marks is expected.")
        try:
            return str(ast.literal_eval(token))
        except (SyntaxError, ValueError) as problem:
            raise invalid(f"The filter has a string that cannot be read: {token}") from problem

    def _next(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _take(self) -> str:
        if not self._tokens:
            raise invalid("The filter ends too early.")
        return self._tokens.pop(0)

    def _expect(self, token: str) -> None:
        found = self._take()
        if found != token:
            raise invalid(f"The filter has {found} where {token} is expected.")
