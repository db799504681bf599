// That what is seen may be old: over the page where the navigation, which says it too, is not in sight.

import { control, endpointLine } from "../endpoints/state.ts";
import { access, line } from "../network/state.ts";

export function LineNotice({ endpoints }: { endpoints: boolean }) {
  const lost = endpoints
    ? control.value === "in" && endpointLine.value === "lost"
    : access.value === "in" && line.value === "lost";
  return lost ? (
    <p class="line-notice" role="status">
      Not connected. What you see may be old; it goes on by itself.
    </p>
  ) : null;
}
