// A question that must be answered before anything else: the browser's own modal dialog, which keeps the focus, and
// gives it back to what had it, however it is left.

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

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
  // The browser tells of an end some time after it, and of those too that it was told: one that is known is not heard.
  const ended = useRef(false);
  const end = () => {
    if (!ended.current) {
      ended.current = true;
      onClose();
    }
  };
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => {
      ended.current = true;
      shown?.close();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape is the browser's own key for it.
    <dialog
      ref={dialog}
      class={kind}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        end();
      }}
      onClose={end}
      onClick={(event) => {
        // Beside what stands in it there is only the ground behind it.
        if (kind !== undefined && event.target === dialog.current) {
          end();
        }
      }}
    >
      <h2 id={heading}>{title}</h2>
      {children}
    </dialog>
  );
}
