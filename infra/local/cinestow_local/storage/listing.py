"""Listing objects by name: prefix, delimiter, offsets, glob, versions, pages."""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec
from starlette.exceptions import HTTPException

from cinestow_local.storage.database import Database
from cinestow_local.storage.model import StoredObject
from cinestow_local.storage.preconditions import whole_number

LONGEST_PAGE = 1000
AFTER_ALL = "\U0010ffff"
GLOB_TOKEN = re.compile(r"\*\*|\[[!^]?[^\]]+\]|\\.|.", re.DOTALL)


@dataclass(frozen=True)
class ListQuery:
    """What Objects: list is asked for; offsets are names, ``after`` is where a page ended."""

    prefix: str = ""
    delimiter: str = ""
    include_trailing_delimiter: bool = False
    start_offset: str = ""
    end_offset: str = ""
    match_glob: str = ""
    versions: bool = False
    size: int = LONGEST_PAGE
    after: tuple[str, int] = ("", -1)


@dataclass
class ListPage:
    """One page, and the token of the next."""

    items: list[StoredObject] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next_token: str | None = None


def list_query(query: Mapping[str, str]) -> ListQuery:
    """The parameters of a call. Raises 400."""
    size = whole_number(query, "maxResults") or LONGEST_PAGE
    token = query.get("pageToken")
    return ListQuery(
        prefix=query.get("prefix", ""),
        delimiter=query.get("delimiter", ""),
        include_trailing_delimiter=_flag(query, "includeTrailingDelimiter"),
        start_offset=query.get("startOffset", ""),
        end_offset=query.get("endOffset", ""),
        match_glob=query.get("matchGlob", ""),
        versions=_flag(query, "versions"),
        size=min(size, LONGEST_PAGE),
        after=_position(token) if token else ("", -1),
    )


def _flag(query: Mapping[str, str], name: str) -> bool:
    return query.get(name, "").lower() == "true"


def list_page(database: Database, bucket: str, query: ListQuery) -> ListPage:
    """The entries after ``query.after``, at most ``query.size`` of them."""
    page = ListPage()
    end = query.after
    for found in _matching(database, bucket, query):
        if end[0].endswith(AFTER_ALL) and found.name < end[0]:
            continue
        if len(page.items) + len(page.prefixes) == query.size:
            page.next_token = _token(end)
            break
        group = _group(found.name, query)
        if group is None or (query.include_trailing_delimiter and found.name == group):
            page.items.append(found)
            end = (found.name, found.generation)
        if group is not None and group not in page.prefixes:
            page.prefixes.append(group)
            end = (group + AFTER_ALL, 0)
    return page


def _matching(database: Database, bucket: str, query: ListQuery) -> Iterator[StoredObject]:
    """Objects by name, then generation, wherever they fall into groups."""
    glob = re.compile(_glob_pattern(query.match_glob), re.DOTALL) if query.match_glob else None
    rows = database.execute(
        "SELECT name, record FROM objects WHERE bucket=? AND name>=? AND (name, generation)>(?, ?)"
        " AND (live OR ?) ORDER BY name, generation",
        *(bucket, max(query.prefix, query.start_offset), *query.after, query.versions),
    )
    for name, record in rows:
        past_end = bool(query.end_offset) and name >= query.end_offset
        if past_end or not name.startswith(query.prefix):
            return
        if glob is None or glob.fullmatch(name):
            yield msgspec.json.decode(record, type=StoredObject)


def _group(name: str, query: ListQuery) -> str | None:
    """The prefix a name is listed under, where the delimiter follows the asked-for prefix."""
    at = name.find(query.delimiter, len(query.prefix)) if query.delimiter else -1
    return None if at < 0 else name[: at + len(query.delimiter)]


def _token(position: tuple[str, int]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode()


def _position(token: str) -> tuple[str, int]:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token), type=tuple[str, int])
    except (ValueError, msgspec.MsgspecError) as error:
        raise HTTPException(400, "pageToken is none of ours.") from error


def _glob_pattern(glob: str) -> str:
    """A regular expression for a matchGlob: ``*`` stays between slashes, ``**`` does not."""
    pattern, depth = "", 0
    for item in GLOB_TOKEN.findall(glob):
        if item == "**":
            pattern += ".*"
        elif item == "*":
            pattern += "[^/]*"
        elif item == "?":
            pattern += "[^/]"
        elif len(item) > 1 and item[0] == "[":
            pattern += "[" + ("^" if item[1] in "!^" else "") + item[1:-1].lstrip("!^") + "]"
        elif item == "{":
            pattern, depth = pattern + "(?:", depth + 1
        elif item == "}" and depth:
            pattern, depth = pattern + ")", depth - 1
        elif item == "," and depth:
            pattern += "|"
        else:
            pattern += re.escape(item[-1])
    if depth:
        raise HTTPException(400, "matchGlob has an open brace.")
    return pattern
