// The part of Markdown that messages use, as a tree. Nothing of a message is ever taken as HTML: what is not understood
// is text.
//
// Invariant: linear in the text (each search for a closing mark is bounded), nesting is bounded, and a link leads to
// http, https or mailto alone.

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; text: string }
  | { kind: "strong" | "emphasis" | "deleted"; inside: Inline[] }
  | { kind: "link"; href: string; inside: Inline[] }
  | { kind: "mention"; text: string; name: string }
  | { kind: "break" };

export type Block =
  | { kind: "paragraph"; inside: Inline[] }
  | { kind: "heading"; level: number; inside: Inline[] }
  | { kind: "code"; language: string; text: string }
  | { kind: "quote"; inside: Block[] }
  | { kind: "list"; ordered: boolean; start: number; items: Inline[][] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] }
  | { kind: "rule" };

const DEEPEST = 4;
/** How far a closing mark is looked for. */
const REACH = 2_000;

/** Whether an address may be linked to. */
export function safeHref(text: string): string | undefined {
  try {
    const url = new URL(text);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

const BEGIN = /`+|\*\*|__|\*|_|~~|\[|<@?(?=[a-z])|https?:\/\/|@(?=[A-Za-z0-9])|\\(?=[\\`*_~[\]<>@#.!-])|\n/gi;
const MENTION = /@((?:[A-Za-z0-9._-]+:)?[A-Za-z0-9._-]*[A-Za-z0-9_])/y;
const BARE_LINK = /https?:\/\/[^\s<>"'`]*[^\s<>"'`.,;:!?)\]}*_~]/iy;

interface Found {
  node: Inline;
  end: number;
}

/** Words, with what stands in them. */
export function inlines(text: string, depth = 0): Inline[] {
  const nodes: Inline[] = [];
  let from = 0;
  const plain = (to: number) => {
    if (to > from) {
      nodes.push({ kind: "text", text: text.slice(from, to) });
    }
  };
  BEGIN.lastIndex = 0;
  const begin = new RegExp(BEGIN.source, "gi");
  for (let match = begin.exec(text); match !== null; match = begin.exec(text)) {
    const at = match.index;
    const found = depth > DEEPEST ? undefined : begun(text, at, match[0], depth);
    if (found !== undefined) {
      plain(at);
      nodes.push(found.node);
      from = found.end;
      begin.lastIndex = from;
    }
  }
  plain(text.length);
  return nodes;
}

function begun(text: string, at: number, mark: string, depth: number): Found | undefined {
  if (mark === "\n") {
    return { node: { kind: "break" }, end: at + 1 };
  }
  if (mark === "\\") {
    return { node: { kind: "text", text: text.charAt(at + 1) }, end: at + 2 };
  }
  if (mark.startsWith("`")) {
    return code(text, at, mark);
  }
  if (mark === "[") {
    return link(text, at, depth);
  }
  if (mark === "@") {
    return mention(text, at);
  }
  if (mark.startsWith("<")) {
    return angled(text, at);
  }
  if (mark.startsWith("http") || mark.startsWith("HTTP")) {
    return bareLink(text, at);
  }
  return marked(text, at, mark, depth);
}

function closing(text: string, mark: string, from: number): number {
  const reach = text.slice(from, from + REACH);
  const at = reach.indexOf(mark);
  return at < 0 ? -1 : from + at;
}

function code(text: string, at: number, mark: string): Found | undefined {
  const from = at + mark.length;
  const end = closing(text, mark, from);
  return end <= from
    ? undefined
    : { node: { kind: "code", text: text.slice(from, end) }, end: end + mark.length };
}

const KINDS = { "**": "strong", __: "strong", "*": "emphasis", _: "emphasis", "~~": "deleted" } as const;

function marked(text: string, at: number, mark: string, depth: number): Found | undefined {
  const from = at + mark.length;
  const end = closing(text, mark, from);
  const kind = KINDS[mark as keyof typeof KINDS];
  const inside = text.slice(from, end);
  // snake_case and 2 * 3 * 4 are no emphasis.
  const inWord = mark.startsWith("_") && /\w/.test(text.charAt(at - 1) + text.charAt(end + mark.length));
  if (end <= from || inWord || /^\s|\s$/.test(inside) || inside.includes("\n\n")) {
    return undefined;
  }
  return { node: { kind, inside: inlines(inside, depth + 1) }, end: end + mark.length };
}

function link(text: string, at: number, depth: number): Found | undefined {
  const end = closing(text, "](", at + 1);
  const close = end < 0 ? -1 : closing(text, ")", end + 2);
  if (close < 0) {
    return undefined;
  }
  const href = safeHref(
    text
      .slice(end + 2, close)
      .trim()
      .split(/\s/)[0] ?? "",
  );
  return href === undefined
    ? undefined
    : {
        node: { kind: "link", href, inside: inlines(text.slice(at + 1, end), DEEPEST + depth) },
        end: close + 1,
      };
}

function bareLink(text: string, at: number): Found | undefined {
  BARE_LINK.lastIndex = at;
  const found = BARE_LINK.exec(text)?.[0];
  const href = found === undefined ? undefined : safeHref(found);
  return found === undefined || href === undefined
    ? undefined
    : { node: { kind: "link", href, inside: [{ kind: "text", text: found }] }, end: at + found.length };
}

function mention(text: string, at: number): Found | undefined {
  if (/\w/.test(text.charAt(at - 1))) {
    return undefined;
  }
  MENTION.lastIndex = at;
  const found = MENTION.exec(text);
  return found === null
    ? undefined
    : { node: { kind: "mention", text: found[0], name: found[1] ?? "" }, end: at + found[0].length };
}

/** `<https://…>` and `<@molt://network/agents/name>`. */
function angled(text: string, at: number): Found | undefined {
  const close = closing(text, ">", at);
  const inside = text.slice(at + 1, close);
  if (close < 0 || /\s/.test(inside)) {
    return undefined;
  }
  const agent = /^@molt:\/\/[^/]+\/agents\/([^/]+)$/.exec(inside)?.[1];
  if (agent !== undefined) {
    return { node: { kind: "mention", text: `@${agent}`, name: agent }, end: close + 1 };
  }
  const href = safeHref(inside);
  return href === undefined
    ? undefined
    : { node: { kind: "link", href, inside: [{ kind: "text", text: inside }] }, end: close + 1 };
}

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)/;
const HEADING = /^(#{1,6})\s+(.*)$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^\s{0,8}(?:([-*+])|(\d{1,9})[.)])\s+(.*)$/;
const TABLE_LINE = /^\s*\|?(?:\s*:?-{2,}:?\s*\|)+\s*(?::?-{2,}:?)?\s*$/;

const cells = (line: string): Inline[][] =>
  line
    .trim()
    .replace(/^\||\|$/g, "")
    .split("|")
    .map((cell) => inlines(cell.trim()));

/** A message's text as blocks. */
export function blocks(text: string, depth = 0): Block[] {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const found: Block[] = [];
  let words: string[] = [];
  const flush = () => {
    if (words.length > 0) {
      found.push({ kind: "paragraph", inside: inlines(words.join("\n")) });
      words = [];
    }
  };
  for (let at = 0; at < lines.length; ) {
    const taken = special(lines, at, depth);
    if (taken !== undefined) {
      flush();
      found.push(taken.block);
      at = taken.next;
      continue;
    }
    const line = lines[at] ?? "";
    if (line.trim() === "") {
      flush();
    } else {
      words.push(line);
    }
    at += 1;
  }
  flush();
  return found;
}

function special(lines: string[], at: number, depth: number): { block: Block; next: number } | undefined {
  const line = lines[at] ?? "";
  const fence = FENCE.exec(line);
  if (fence !== null) {
    const mark = fence[1] ?? "```";
    let end = at + 1;
    while (end < lines.length && !(lines[end] ?? "").trimStart().startsWith(mark)) {
      end += 1;
    }
    const inside = lines.slice(at + 1, end).join("\n");
    return { block: { kind: "code", language: fence[2] ?? "", text: inside }, next: end + 1 };
  }
  const heading = HEADING.exec(line);
  if (heading !== null) {
    const inside = inlines(heading[2] ?? "");
    return { block: { kind: "heading", level: heading[1]?.length ?? 1, inside }, next: at + 1 };
  }
  if (RULE.test(line)) {
    return { block: { kind: "rule" }, next: at + 1 };
  }
  if (QUOTE.test(line) && depth < DEEPEST) {
    const end = run(lines, at, (one) => QUOTE.test(one));
    const inside = lines.slice(at, end).map((one) => one.replace(QUOTE, ""));
    return { block: { kind: "quote", inside: blocks(inside.join("\n"), depth + 1) }, next: end };
  }
  const item = ITEM.exec(line);
  if (item !== null) {
    return list(lines, at, item);
  }
  if (line.includes("|") && TABLE_LINE.test(lines[at + 1] ?? "")) {
    const end = run(lines, at + 2, (one) => one.includes("|"));
    return {
      block: { kind: "table", head: cells(line), rows: lines.slice(at + 2, end).map(cells) },
      next: end,
    };
  }
  return undefined;
}

function run(lines: string[], from: number, takes: (line: string) => boolean): number {
  let end = from;
  while (end < lines.length && takes(lines[end] ?? "")) {
    end += 1;
  }
  return end;
}

function list(lines: string[], at: number, first: RegExpExecArray): { block: Block; next: number } {
  const ordered = first[2] !== undefined;
  const items: string[] = [];
  let next = at;
  for (; next < lines.length; next += 1) {
    const line = lines[next] ?? "";
    const item = ITEM.exec(line);
    if (item !== null && (item[2] !== undefined) === ordered) {
      items.push(item[3] ?? "");
    } else if (item === null && /^\s{2,}\S/.test(line) && items.length > 0) {
      items[items.length - 1] += `\n${line.trim()}`;
    } else {
      break;
    }
  }
  const block: Block = {
    kind: "list",
    ordered,
    start: ordered ? Number(first[2]) : 1,
    items: items.map((item) => inlines(item)),
  };
  return { block, next };
}
