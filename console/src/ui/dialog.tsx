// A question that must be answered before anything else: the browser's own modal dialog, which keeps the focus.

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

interface DialogProps {
  title: string;
  /** How it looks, where it is more than a question. */
  kind?: string;
  onClose: () => void;
  children: ComponentChildren;
}

export function Dialog({ title, kind, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape is the browser's own key for it.
    <dialog
      ref={dialog}
      class={kind}
      aria-labelledby={heading}
      onClose={onClose}
      onClick={(event) => {
        // Beside what stands in it there is only the ground behind it.
        if (kind !== undefined && event.target === dialog.current) {
          dialog.current?.close();
        }
      }}
    >
      <h2 id={heading}>{title}</h2>
      {children}
    </dialog>
  );
}
