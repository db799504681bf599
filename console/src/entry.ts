// Which of the two surfaces the page asks for: what is looked at, and what this browser was let in to before. So who
// holds a token of one of them is not refused by the other each time the page opens.

import { effect, untracked } from "@preact/signals";
import { control, enterControl } from "./endpoints/state.ts";
import { access, enter } from "./network/state.ts";
import { place } from "./router.ts";

const KEPT = "console.surfaces";

interface Known {
  network?: boolean;
  control?: boolean;
}

function known(): Known {
  try {
    return JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Known;
  } catch {
    return {};
  }
}

function keep(change: Known): void {
  try {
    localStorage.setItem(KEPT, JSON.stringify({ ...known(), ...change }));
  } catch {
    // Storage may be forbidden; then both are asked each time.
  }
}

/** Asks each surface once it is looked at, or was let in to before; keeps what came of it. */
export function enterSurfaces(): void {
  const asked = { network: false, control: false };
  effect(() => {
    const { page } = place.value;
    const endpoints = page === "endpoints" || page === "endpoint";
    untracked(() => {
      const before = known();
      if (!asked.network && (!endpoints || before.network !== false)) {
        asked.network = true;
        void enter();
      }
      if (!asked.control && (endpoints || before.control === true)) {
        asked.control = true;
        void enterControl();
      }
    });
  });
  effect(() => {
    if (access.value === "in" || access.value === "out") {
      keep({ network: access.value === "in" });
    }
  });
  effect(() => {
    if (control.value === "in" || control.value === "out") {
      keep({ control: control.value === "in" });
    }
  });
}
