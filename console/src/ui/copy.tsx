// A button that copies.

import { useSignal } from "@preact/signals";
import { Icon, type IconName } from "./icon.tsx";

interface CopyProps {
  text: string;
  label: string;
  icon?: IconName;
  /** Whether the words are for those who hear them. */
  onlyIcon?: boolean;
  /** Whether it is what the reader is to do next. */
  loud?: boolean;
  onCopied?: () => void;
}

/** Copies `text`; says that it did. */
export function Copy({ text, label, icon = "copy", onlyIcon = false, loud = false, onCopied }: CopyProps) {
  const done = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    done.value = true;
    onCopied?.();
    setTimeout(() => {
      done.value = false;
    }, 2_000);
  };
  return (
    <button
      type="button"
      class={loud ? "primary" : "quiet small"}
      title={onlyIcon ? label : undefined}
      onClick={() => void copy()}
    >
      <Icon name={done.value ? "check" : icon} />
      <span aria-live="polite" class={onlyIcon ? "sr" : undefined}>
        {done.value ? "Copied" : label}
      </span>
    </button>
  );
}
