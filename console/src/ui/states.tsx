// What stands where there is nothing to show: why, and what to do about it.

import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "./icon.tsx";

interface EmptyProps {
  icon: IconName;
  title: string;
  /** Where it is all that the page shows, its heading is the page's. */
  whole?: boolean;
  children?: ComponentChildren;
}

export function Empty({ icon, title, whole, children }: EmptyProps) {
  return (
    <div class="empty">
      <Icon name={icon} />
      {whole ? <h1>{title}</h1> : <h2>{title}</h2>}
      {children}
    </div>
  );
}

export function Trouble({ title, words, onRetry }: { title: string; words: string; onRetry?: () => void }) {
  return (
    <div class="empty" role="alert">
      <Icon name="warning" />
      <h2>{title}</h2>
      <p>{words}</p>
      {onRetry && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Lines that stand for what is on its way. */
export function Waiting({ what }: { what: string }) {
  return (
    <div class="waiting" role="status">
      <span class="sr">Loading {what}…</span>
      <i />
      <i />
      <i />
    </div>
  );
}
