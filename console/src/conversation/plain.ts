// A text without the marks of its Markdown, for where it stands on one line.

import { type Block, blocks, type Inline } from "./markdown.ts";

const inline = (nodes: readonly Inline[]): string =>
  nodes
    .map((node) => {
      switch (node.kind) {
        case "text":
        case "code":
        case "mention":
          return node.text;
        case "break":
          return " ";
        default:
          return inline(node.inside);
      }
    })
    .join("");

function block(one: Block): string {
  switch (one.kind) {
    case "paragraph":
    case "heading":
      return inline(one.inside);
    case "code":
      return one.text;
    case "quote":
      return one.inside.map(block).join(" ");
    case "list":
      return one.items.map(inline).join(" · ");
    case "table":
      return [one.head, ...one.rows].map((row) => row.map(inline).join(", ")).join(" · ");
    case "rule":
      return "";
  }
}

export const plain = (text: string): string => blocks(text).map(block).join(" ");
