// The console: one page, from which a person follows a network and runs agents.

import { render } from "preact";
import { App } from "./app.tsx";
import { enterControl } from "./endpoints/state.ts";
import { enter } from "./network/state.ts";
import { follow } from "./router.ts";
import "./theme.ts";
import "./styles/main.css";

const root = document.getElementById("console");
if (root !== null) {
  follow();
  void enter();
  void enterControl();
  render(<App />, root);
}
