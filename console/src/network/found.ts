// Where the words of a search stand in a text: for the eye alone, the server has long decided what was found.

export interface Piece {
  text: string;
  found: boolean;
}

const TERM = /"([^"]+)"|(\S+)/g;
const MOST_TERMS = 12;
const LETTER = "[\\p{L}\\p{N}_]";

/** What matches the words of a search: whole words, words together, beginnings. */
export function matcher(words: string): RegExp | undefined {
  const terms: string[] = [];
  for (const [, phrase, word] of words.matchAll(TERM)) {
    const text = (phrase ?? word ?? "").replace(/^[^\p{L}\p{N}]+/u, "");
    const begins = text.endsWith("*");
    const parts = text.split(/[^\p{L}\p{N}_]+/u).filter((part) => part !== "");
    if (parts.length > 0) {
      const together = parts.join("[^\\p{L}\\p{N}]+");
      terms.push(begins ? `${together}${LETTER}*` : `${together}(?!${LETTER})`);
    }
  }
  const some = terms.slice(0, MOST_TERMS);
  return some.length === 0 ? undefined : new RegExp(`(?<!${LETTER})(?:${some.join("|")})`, "giu");
}

/** A text of at most `length`, cut so that the first match is in it, in pieces. */
export function pieces(text: string, words: string, length: number): Piece[] {
  const match = matcher(words);
  const first = match === undefined ? -1 : text.search(match);
  const start = first > length * 0.6 ? first - Math.floor(length * 0.3) : 0;
  const end = Math.min(text.length, start + length);
  const cut = `${start > 0 ? "…" : ""}${text.slice(start, end)}${end < text.length ? "…" : ""}`;
  if (match === undefined) {
    return [{ text: cut, found: false }];
  }
  const all: Piece[] = [];
  let last = 0;
  for (const one of cut.matchAll(match)) {
    if (one.index > last) {
      all.push({ text: cut.slice(last, one.index), found: false });
    }
    all.push({ text: one[0], found: true });
    last = one.index + one[0].length;
  }
  if (last < cut.length) {
    all.push({ text: cut.slice(last), found: false });
  }
  return all;
}
