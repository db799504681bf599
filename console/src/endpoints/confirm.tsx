// A question before something that cannot simply be taken back.

import { useSignal } from "@preact/signals";
import { Dialog } from "../ui/dialog.tsx";

interface ConfirmProps {
  title: string;
  question: string;
  /** What must not be overlooked; it stands first. */
  warning?: string;
  label: string;
  danger?: boolean;
  /** What must be typed before it is done. */
  typed?: string;
  /** What may be chosen besides. */
  option?: string;
  onYes: (option: boolean) => unknown;
  onClose: () => void;
}

export function Confirm(props: ConfirmProps) {
  const { title, question, warning, label, danger, typed, option, onYes, onClose } = props;
  const text = useSignal("");
  const chosen = useSignal(false);
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onYes(chosen.value);
          onClose();
        }}
      >
        {warning !== undefined && <strong>{warning}</strong>}
        <p>{question}</p>
        {typed !== undefined && (
          <label>
            Type {typed} to go on
            <br />
            <input
              autocomplete="off"
              value={text.value}
              onInput={(event) => {
                text.value = event.currentTarget.value;
              }}
            />
          </label>
        )}
        {option !== undefined && (
          <label class="option">
            <input
              type="checkbox"
              checked={chosen.value}
              onChange={(event) => {
                chosen.value = event.currentTarget.checked;
              }}
            />
            {option}
          </label>
        )}
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            class={danger ? "danger" : "primary"}
            disabled={typed !== undefined && text.value !== typed}
          >
            {label}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
