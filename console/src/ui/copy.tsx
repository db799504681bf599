// A button that copies.

import { useSignal } from "@preact/signals";
import { Icon } from "./icon.tsx";

/** Copies `text`; says that it did. */
export function Copy({ text, label }: { text: string; label: string }) {
  const done = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    done.value = true;
    setTimeout(() => {
      done.value = false;
    }, 2_000);
  };
  return (
    <button type="button" class="quiet small" onClick={() => void copy()}>
      <Icon name={done.value ? "check" : "copy"} />
      <span aria-live="polite">{done.value ? "Copied" : label}</span>
    </button>
  );
}
