"""The tokens of a Go template to its parts; pure. It reads no deeper than templates of ours may go."""

from __future__ import annotations

from secrets_manager.migrate.go_template import literals
from secrets_manager.migrate.go_template.faults import Refused, shown
from secrets_manager.migrate.go_template.lexer import Token, tokens_of
from secrets_manager.migrate.go_template.syntax import (
    Action,
    Branch,
    Chain,
    Command,
    Constant,
    Dot,
    Function,
    If,
    Jump,
    Node,
    Operand,
    Pipeline,
    Range,
    Text,
    Variable,
    With,
)

# As deep as templates of ours may go, brackets and blocks each.
DEEPEST = 32
_OTHER_TEMPLATES = "is about other templates, of which a definition has none"
_CONSTANTS = {"true": True, "false": False, "nil": None}
_TERMS = {"field", "variable", "name", "string", "number", *_CONSTANTS}


def parse(source: str, delims: tuple[str, str]) -> tuple[Node, ...]:
    """The parts of ``source``. Raises Refused where Go would not parse it, and for what is not known here."""
    return _Parser(source, delims).whole()


class _Parser:
    """The tokens, and how far they were read."""

    def __init__(self, source: str, delims: tuple[str, str]) -> None:
        self.tokens = [*tokens_of(source, delims), Token("end of the text", "", len(source))]
        self.next = 0
        self.blocks = 0
        self.loops = 0
        self.brackets = 0

    # What is said of the next token.

    def peek(self) -> Token:
        """The next token."""
        return self.tokens[self.next]

    def take(self) -> Token:
        """The next token, which is read."""
        token = self.tokens[self.next]
        self.next = min(self.next + 1, len(self.tokens) - 1)
        return token

    def skip_space(self) -> Token:
        """The next token that is no space, which stays."""
        while self.peek().kind == "space":
            self.take()
        return self.peek()

    def expect_close(self) -> None:
        """Leave the action."""
        if self.skip_space().kind != "close":
            raise self.unexpected()
        self.take()

    def unexpected(self) -> Refused:
        """The error about the next token."""
        token = self.peek()
        return Refused(
            token.at, shown(token.text) if token.text else "the text", "is not expected to be there"
        )

    # Blocks.

    def whole(self) -> tuple[Node, ...]:
        """All parts of the text."""
        nodes = self._nodes()
        if self.peek().kind != "end of the text":
            word = self._word_after_open()
            raise Refused(word.at, shown(word.text), "belongs to nothing")
        return nodes

    def _word_after_open(self) -> Token:
        at = self.next + 1
        while self.tokens[at].kind == "space":
            at += 1
        return self.tokens[at]

    def _nodes(self) -> tuple[Node, ...]:
        """What comes until an end or else, which stays, or until the end of the text."""
        nodes: list[Node] = []
        while (token := self.peek()).kind != "end of the text":
            if token.kind == "text":
                nodes.append(Text(token.at, self.take().text))
            elif self._word_after_open().kind in {"end", "else"}:
                break
            else:
                self.take()
                nodes.append(self._action(self.skip_space()))
        return tuple(nodes)

    def _action(self, word: Token) -> Node:
        if word.kind in {"define", "template", "block"}:
            raise Refused(word.at, shown(word.text), _OTHER_TEMPLATES)
        if word.kind in {"break", "continue"}:
            self.take()
            self.expect_close()
            if not self.loops:
                raise Refused(word.at, shown(word.text), "is outside of a range")
            return Jump(word.at, word.kind)
        if word.kind in {"if", "with", "range"}:
            self.take()
            return self._block(word)
        action = Action(word.at, self._pipeline("close"))
        self.expect_close()
        return action

    def _block(self, word: Token) -> Node:
        self.blocks += 1
        if self.blocks > DEEPEST:
            raise Refused(word.at, shown(word.text), f"is inside of more than {DEEPEST} others")
        branches = [self._branch(word)]
        otherwise: tuple[Node, ...] = ()
        while (found := self._end_or_else(word)).kind != "end":
            if found.kind == word.kind:
                branches.append(self._branch(word))
                continue
            self.expect_close()
            otherwise = self._nodes()
            if self._end_or_else(word).kind != "end":
                raise Refused(found.at, shown("else"), "is there twice")
            break
        self.expect_close()
        self.blocks -= 1
        if word.kind == "range":
            return Range(word.at, branches[0], otherwise)
        return (If if word.kind == "if" else With)(word.at, tuple(branches), otherwise)

    def _branch(self, word: Token) -> Branch:
        pipeline = self._pipeline("close", word.kind)
        self.expect_close()
        self.loops += word.kind == "range"
        body = self._nodes()
        self.loops -= word.kind == "range"
        return Branch(pipeline, body)

    def _end_or_else(self, word: Token) -> Token:
        """What a branch ends with, read up to its own words: end, else, or the word of ``else if``."""
        if self.peek().kind == "end of the text":
            raise Refused(word.at, shown(word.text), "has no end")
        self.take()
        self.skip_space()
        found = self.take()
        if found.kind == "else" and word.kind != "range" and self.skip_space().kind == word.kind:
            return self.take()
        return found

    # Pipelines.

    def _pipeline(self, end: str, context: str = "") -> Pipeline:
        at = self.skip_space().at
        declares, assigned = self._declared(context)
        commands = [self._command()]
        while self.skip_space().kind == "|":
            self.take()
            commands.append(self._command())
        if self.peek().kind != end:
            raise self.unexpected()
        for command in commands[1:]:
            if isinstance(command.operands[0], (Constant, Dot)):
                raise Refused(command.at, "a value after |", "can take no argument")
        return Pipeline(at, declares, assigned, tuple(commands))

    def _declared(self, context: str) -> tuple[tuple[str, ...], bool]:
        """The variables in front of := or =, and whether it is =."""
        start, names = self.next, list[str]()
        while self.skip_space().kind == "variable" and len(names) < 2:
            names.append(self.take().text)
            sign = self.skip_space()
            if sign.kind in {":=", "="} and "" in names:
                raise Refused(sign.at, shown("$"), "is the dot at the start, and stays so")
            if sign.kind in {":=", "="} and (len(names) == 1 or context == "range"):
                self.take()
                return tuple(names), sign.kind == "="
            if sign.kind != ",":
                break
            self.take()
        self.next = start
        return (), False

    def _command(self) -> Command:
        at = self.skip_space().at
        operands = [self._operand()]
        while self.peek().kind == "space":
            if self.skip_space().kind in {"|", "close", ")"}:
                break
            operands.append(self._operand())
        if self.peek().kind not in {"|", "close", ")"}:
            raise self.unexpected()
        return Command(at, tuple(operands))

    def _operand(self) -> Operand:
        term = self._term()
        fields: list[str] = []
        while self.peek().kind == "field" and self.peek().text:
            fields.append(self.take().text)
            if len(fields) > DEEPEST:
                raise Refused(term.at, "a value", f"is more than {DEEPEST} fields deep")
        if not fields:
            return term
        if isinstance(term, (Constant, Function)):
            raise Refused(term.at, "a point", "follows a constant or a function; set brackets around it")
        if isinstance(term, Chain):
            return Chain(term.at, term.of, (*term.fields, *fields))
        return Chain(term.at, term, tuple(fields))

    def _term(self) -> Operand:
        token = self.peek()
        if token.kind == "(":
            return self._bracket()
        if token.kind not in _TERMS:
            raise self.unexpected()
        self.take()
        if token.kind == "field":
            return Chain(token.at, Dot(token.at), (token.text,)) if token.text else Dot(token.at)
        if token.kind in {"variable", "name"}:
            return (Variable if token.kind == "variable" else Function)(token.at, token.text)
        return Constant(token.at, _constant(token))

    def _bracket(self) -> Pipeline:
        at = self.take().at
        self.brackets += 1
        if self.brackets > DEEPEST:
            raise Refused(at, "a bracket", f"is inside of more than {DEEPEST} others")
        pipeline = self._pipeline(")")
        if pipeline.declares:
            raise Refused(at, "a variable", "is set inside of brackets")
        self.take()
        self.brackets -= 1
        return pipeline


def _constant(token: Token) -> str | float | bool | None:
    if token.kind == "string":
        return literals.text_of(token)
    return literals.number_of(token) if token.kind == "number" else _CONSTANTS[token.kind]
