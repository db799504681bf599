// A text as its Markdown says, made of elements of ours alone.

import type { VNode } from "preact";
import { agents } from "../network/state.ts";
import { address } from "../router.ts";
import { Copy } from "../ui/copy.tsx";
import { type Block, blocks, type Inline } from "./markdown.ts";

function Mention({ text, name }: { text: string; name: string }) {
  const id = name.split(":").at(-1) ?? name;
  return agents.value.has(id) ? (
    <a class="mention" href={address({ page: "agent", id })}>
      {text}
    </a>
  ) : (
    text
  );
}

function InlineView({ node }: { node: Inline }): VNode {
  switch (node.kind) {
    case "text":
      return <>{node.text}</>;
    case "break":
      return <br />;
    case "code":
      return <code>{node.text}</code>;
    case "strong":
      return (
        <strong>
          <Inlines nodes={node.inside} />
        </strong>
      );
    case "emphasis":
      return (
        <em>
          <Inlines nodes={node.inside} />
        </em>
      );
    case "deleted":
      return (
        <s>
          <Inlines nodes={node.inside} />
        </s>
      );
    case "link":
      return (
        <a href={node.href} target="_blank" rel="noopener noreferrer nofollow">
          <Inlines nodes={node.inside} />
        </a>
      );
    case "mention":
      return <Mention text={node.text} name={node.name} />;
  }
}

function Inlines({ nodes }: { nodes: readonly Inline[] }) {
  return (
    <>
      {nodes.map((node, index) => (
        <InlineView key={String(index)} node={node} />
      ))}
    </>
  );
}

function BlockView({ block }: { block: Block }): VNode {
  switch (block.kind) {
    case "paragraph":
      return (
        <p dir="auto">
          <Inlines nodes={block.inside} />
        </p>
      );
    case "heading":
      return (
        <p class={`heading level-${block.level}`} dir="auto">
          <Inlines nodes={block.inside} />
        </p>
      );
    case "rule":
      return <hr />;
    case "quote":
      return (
        <blockquote>
          <Blocks of={block.inside} />
        </blockquote>
      );
    case "code":
      return (
        <div class="code">
          <div>
            <span>{block.language || "text"}</span>
            <Copy text={block.text} label="Copy" />
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard. */}
          <pre tabIndex={0}>{block.text}</pre>
        </div>
      );
    case "list": {
      const items = block.items.map((item, index) => (
        <li key={String(index)} dir="auto">
          <Inlines nodes={item} />
        </li>
      ));
      return block.ordered ? <ol start={block.start}>{items}</ol> : <ul>{items}</ul>;
    }
    case "table":
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        <div class="table" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {block.head.map((cell, index) => (
                  <th key={String(index)}>
                    <Inlines nodes={cell} />
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {block.rows.map((row, at) => (
                <tr key={String(at)}>
                  {row.map((cell, index) => (
                    <td key={String(index)}>
                      <Inlines nodes={cell} />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
  }
}

function Blocks({ of }: { of: readonly Block[] }) {
  return (
    <>
      {of.map((block, index) => (
        <BlockView key={String(index)} block={block} />
      ))}
    </>
  );
}

export function Formatted({ text }: { text: string }) {
  return <Blocks of={blocks(text)} />;
}
