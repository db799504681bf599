// Signing in by token. The token is sent once, over this connection, and then lies in a cookie that script cannot read.

import { useSignal } from "@preact/signals";
import { words } from "./api/call.ts";
import { type Opened, signIn } from "./api/session.ts";
import { control, enterControl } from "./endpoints/state.ts";
import { access, accessProblem, enter } from "./network/state.ts";
import { go } from "./router.ts";
import { Icon } from "./ui/icon.tsx";

async function entered({ network, control: controls }: Opened): Promise<void> {
  await Promise.all([network && enter(), controls && enterControl()]);
  if (!network && access.value === "out") {
    go({ page: "endpoints" });
  }
}

interface SignInProps {
  /** What the token is to open, where it is one of the two. */
  area?: "endpoints";
}

export function SignIn({ area }: SignInProps) {
  const token = useSignal("");
  const busy = useSignal(false);
  const problem = useSignal("");
  const submit = async (event: Event) => {
    event.preventDefault();
    busy.value = true;
    problem.value = "";
    try {
      const opened = await signIn(token.value.trim());
      if (!opened.network && !opened.control) {
        problem.value =
          "This token opens nothing here. Check that all of it was copied, and that it may observe.";
      } else if (area === "endpoints" && !opened.control) {
        problem.value = "This token belongs to the network. Endpoints need an account or operator token.";
      } else {
        token.value = "";
        await entered(opened);
      }
    } catch (error) {
      problem.value = words(error);
    } finally {
      busy.value = false;
    }
  };
  const lost = area === undefined && accessProblem.value.includes("revoked") ? accessProblem.value : "";
  return (
    <section class="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <Icon name="key" />
        <h1>{area === "endpoints" ? "Sign in to your endpoints" : "Sign in"}</h1>
        <p class="muted">
          {area === "endpoints"
            ? "With an account token, or the operator token of the deployment."
            : "With a network token that may observe. An account token opens your endpoints. Whoever runs this deployment gives them out."}
        </p>
        {lost !== "" && (
          <p class="problem" role="alert">
            {lost}
          </p>
        )}
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          required
          value={token.value}
          aria-invalid={problem.value !== ""}
          aria-describedby="token-problem"
          onInput={(event) => {
            token.value = event.currentTarget.value;
          }}
        />
        <p id="token-problem" class="problem" aria-live="polite">
          {problem.value}
        </p>
        <button type="submit" class="primary" disabled={busy.value}>
          {busy.value ? "Signing in…" : "Sign in"}
        </button>
        {area === undefined && control.value === "in" && (
          <p>
            <a href="/console/endpoints">Go on to your endpoints</a>
          </p>
        )}
      </form>
    </section>
  );
}
